package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// load is Load. It reads the environment if variables is nil.
func load[C Config](defaults C, variables map[string]string, needs Needs) (C, error) {
	cfg := defaults
	parts, settings := walk(reflect.ValueOf(&cfg).Elem())
	var faults []fault
	for _, s := range settings {
		if err := s.read(variables); err != nil {
			faults = append(faults, fault{s.variable(), "cannot be read: " + err.Error()})
		}
	}
	faults = append(faults, validate(parts, faults)...)
	faults = slices.DeleteFunc(faults, func(f fault) bool { return !needs(f.variable) })
	if len(faults) > 0 {
		return cfg, fmt.Errorf("the configuration is not valid:\n  %w", joined(faults))
	}
	return cfg, nil
}

// setting is a field that has a variable.
type setting struct {
	field reflect.StructField
	value reflect.Value
}

func (s setting) variable() string {
	name, _, _ := strings.Cut(s.field.Tag.Get("env"), ",") // options may follow
	return name
}

// walk returns the struct with all structs in it, and the settings of all of them, in the order of their declaration.
func walk(v reflect.Value) (parts []reflect.Value, settings []setting) {
	parts = []reflect.Value{v}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch {
		case !field.IsExported():
		case field.Tag.Get("env") != "":
			settings = append(settings, setting{field, v.Field(i)})
		case field.Type.Kind() == reflect.Struct:
			p, s := walk(v.Field(i))
			parts, settings = append(parts, p...), append(settings, s...)
		}
	}
	return parts, settings
}

// read takes the setting's value from the variables. It gives the parser a struct with only this field: the parser's errors
// name fields, and two parts may have fields of the same name.
func (s setting) read(variables map[string]string) error {
	alone := reflect.New(reflect.StructOf([]reflect.StructField{{Name: s.field.Name, Type: s.field.Type, Tag: s.field.Tag}}))
	field := alone.Elem().Field(0)
	field.Set(s.value)
	err := env.ParseWithOptions(alone.Interface(), env.Options{Environment: variables, FuncMap: parsers()})
	if parse, ok := errors.AsType[env.ParseError](err); ok {
		return parse.Err
	}
	if err != nil {
		return err
	}
	if list, ok := field.Interface().([]string); ok {
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
	}
	s.value.Set(field)
	return nil
}

// parsers read what the library cannot read, or reports in words that do not help.
func parsers() map[reflect.Type]env.ParserFunc {
	return map[reflect.Type]env.ParserFunc{
		reflect.TypeFor[time.Duration](): func(text string) (any, error) {
			d, err := time.ParseDuration(text)
			if err != nil {
				return nil, fmt.Errorf("%q is not a duration like 500ms, 5s or 2m", text)
			}
			return d, nil
		},
	}
}

// fault is something that is wrong with a variable.
type fault struct{ variable, detail string }

func (f fault) Error() string { return f.variable + " " + f.detail }

// joined is an error with one fault a line.
func joined(list []fault) error {
	lines := make([]string, len(list))
	for i, f := range list {
		lines[i] = f.Error()
	}
	return errors.New(strings.Join(lines, "\n  "))
}

// validate calls Validate of every part that has it. It ignores faults of variables that could not be read, because the
// part then sees a value that the user did not set.
func validate(parts []reflect.Value, unread []fault) (faults []fault) {
	must := func(ok bool, variable, detail string, args ...any) {
		f := fault{variable, fmt.Sprintf(detail, args...)}
		isUnread := slices.ContainsFunc(unread, func(u fault) bool { return u.variable == variable })
		// A struct has the methods of a part that it embeds, so one fault may come twice.
		if !ok && !isUnread && !slices.Contains(faults, f) {
			faults = append(faults, f)
		}
	}
	for _, part := range parts {
		p, ok := part.Addr().Interface().(interface {
			Validate(must func(ok bool, variable, detail string, args ...any))
		})
		if ok {
			p.Validate(must)
		}
	}
	return faults
}
