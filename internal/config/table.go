package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/monsplit/monsplit/internal/postgres"
)

// Variable describes one setting for people.
type Variable struct {
	Name    string
	Value   string // the current value, masked if it is secret
	Default string
	About   string
}

// Variables returns every setting of a configuration, in the order of its struct.
func Variables(cfg Config) []Variable {
	v := reflect.New(reflect.TypeOf(cfg)).Elem()
	v.Set(reflect.ValueOf(cfg))
	_, settings := walk(v)
	list := make([]Variable, len(settings))
	for i, s := range settings {
		tag := s.field.Tag
		list[i] = Variable{
			Name: s.variable(), Default: tag.Get("envDefault"), About: tag.Get("about"),
			Value: shown(s.value.Interface(), tag.Get("secret")),
		}
	}
	return list
}

// Defaults returns every setting with its default in a service: the default in the tag, or else the value in the service's
// defaults.
func Defaults(defaults Config) []Variable {
	list := Variables(defaults)
	_, settings := walk(reflect.ValueOf(defaults))
	for i, s := range settings {
		if list[i].Default == "" && !s.value.IsZero() {
			list[i].Default = list[i].Value
		}
	}
	return list
}

// Own returns those settings of a service that not every service has, or that have another default in this one.
func Own(defaults Config) []Variable {
	common := Defaults(Common{})
	return slices.DeleteFunc(Defaults(defaults), func(v Variable) bool {
		return slices.ContainsFunc(common, func(c Variable) bool { return c.Name == v.Name && c.Default == v.Default })
	})
}

func shown(value any, secret string) string {
	text := fmt.Sprint(value)
	if list, ok := value.([]string); ok {
		text = strings.Join(list, ",")
	}
	switch {
	case secret == "url":
		return postgres.MaskedURL(text)
	case secret != "" && text != "":
		return hidden
	default:
		return text
	}
}

const hidden = "***"

// Markdown returns a table of settings.
func Markdown(list []Variable) string {
	var b strings.Builder
	b.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, v := range list {
		def := ""
		if v.Default != "" {
			def = "`" + v.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, def, v.About)
	}
	return b.String()
}

// Text returns a list of settings for a terminal.
func Text(list []Variable) string {
	var b strings.Builder
	for _, v := range list {
		b.WriteString(v.Name)
		if v.Default != "" {
			b.WriteString(" (" + v.Default + ")")
		}
		b.WriteString("\n    " + v.About + "\n")
	}
	return b.String()
}
