package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// parsers read what the library cannot.
func parsers() map[reflect.Type]env.ParserFunc {
	return map[reflect.Type]env.ParserFunc{
		reflect.TypeFor[slog.Level](): func(text string) (any, error) {
			var level slog.Level
			if err := level.UnmarshalText([]byte(text)); err != nil {
				return nil, fmt.Errorf("%q is none of debug, info, warn, error", text)
			}
			return level, nil
		},
		reflect.TypeFor[time.Duration](): func(text string) (any, error) {
			d, err := time.ParseDuration(text)
			if err != nil {
				return nil, fmt.Errorf("%q is no duration like 500ms, 5s or 2m", text)
			}
			return d, nil
		},
		reflect.TypeFor[Networks](): func(text string) (any, error) { return parseNetworks(text) },
	}
}

// Variable is one setting, as people read about it.
type Variable struct {
	Name    string
	Value   string // as it is set, masked where it is secret
	Default string
	About   string
}

// Variables returns every setting in the order of the struct.
func (s Service) Variables() []Variable {
	fields, values := reflect.TypeFor[Service](), reflect.ValueOf(s)
	list := make([]Variable, 0, fields.NumField())
	for i := range fields.NumField() {
		tag := fields.Field(i).Tag
		list = append(list, Variable{
			Name: tag.Get("env"), Default: tag.Get("envDefault"), About: tag.Get("about"),
			Value: shown(values.Field(i).Interface(), tag.Get("secret")),
		})
	}
	return list
}

func shown(value any, secret string) string {
	if list, ok := value.([]string); ok {
		return strings.Join(list, ",")
	}
	text := fmt.Sprint(value)
	if secret == "url" {
		return Masked(text)
	}
	return text
}

// Masked hides the passwords of a database's URL: PostgreSQL takes them as parameters too. What is not a URL may be
// anything, and is hidden whole.
func Masked(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Scheme == "" && text != "" {
		return "***"
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "***"
	}
	for _, name := range []string{"password", "sslpassword"} {
		if query.Has(name) {
			query.Set(name, "xxxxx")
			u.RawQuery = query.Encode()
		}
	}
	return u.Redacted()
}

// Markdown is the table of all settings.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, v := range (Service{}).Variables() {
		def := ""
		if v.Default != "" {
			def = "`" + v.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, def, v.About)
	}
	return b.String()
}

// Text lists all settings for a terminal.
func Text() string {
	var b strings.Builder
	for _, v := range (Service{}).Variables() {
		b.WriteString(v.Name)
		if v.Default != "" {
			b.WriteString(" (" + v.Default + ")")
		}
		b.WriteString("\n    " + v.About + "\n")
	}
	return b.String()
}

// variableOf returns the variable of a field, as the parser's errors name fields.
func variableOf(field string) string {
	if f, ok := reflect.TypeFor[Service]().FieldByName(field); ok {
		return f.Tag.Get("env")
	}
	return field
}
