package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// object turns an object schema into a struct. It merges the parts of an allOf. A later part refines the members of an earlier
// part, and the members keep their place.
func (l *loader) object(name string, schema node) (Object, error) {
	o := Object{Name: goName(name), Doc: schema.get("description").text()}
	members, required, err := l.merge(schema)
	if err != nil {
		return o, err
	}
	if len(members) == 0 {
		return o, errors.New("it is not an object with properties")
	}
	for _, m := range members {
		f, err := l.field(m, slices.Contains(required, m.name))
		if err != nil {
			return o, fmt.Errorf("member %s: %w", m.name, err)
		}
		o.Fields = append(o.Fields, f)
	}
	return o, nil
}

// member is a property with all schemas that describe it, the most refined schema first.
type member struct {
	name    string
	schemas []node
}

// find returns the keyword from the most refined schema that has it.
func (m member) find(keyword string) node {
	for _, s := range m.schemas {
		if v := s.get(keyword); v.exists() {
			return v
		}
	}
	return node{}
}

func (l *loader) merge(schema node) (members []member, required []string, err error) {
	schema, _, err = schema.resolve(l.root)
	if err != nil {
		return nil, nil, err
	}
	for _, keyword := range []string{"oneOf", "anyOf", "if", "patternProperties"} {
		if schema.get(keyword).exists() {
			return nil, nil, fmt.Errorf("%s has no Go type here", keyword)
		}
	}
	add := func(m member) {
		i := slices.IndexFunc(members, func(have member) bool { return have.name == m.name })
		if i < 0 {
			members = append(members, m)
			return
		}
		members[i].schemas = slices.Concat(m.schemas, members[i].schemas)
	}
	for _, part := range schema.get("allOf").items() {
		ms, rs, err := l.merge(part)
		if err != nil {
			return nil, nil, err
		}
		for _, m := range ms {
			add(m)
		}
		required = append(required, rs...)
	}
	for name, s := range schema.get("properties").members() {
		add(member{name, []node{s}})
	}
	return members, append(required, schema.get("required").texts()...), nil
}

func (l *loader) field(m member, required bool) (Field, error) {
	f := Field{Name: m.find("x-go-name").text(), Member: m.name, Doc: m.find("description").text(), Optional: !required}
	if f.Name == "" {
		f.Name = goName(m.name)
	}
	t, nullable, err := l.goType(m)
	if err != nil {
		return f, err
	}
	switch list := strings.HasPrefix(t, "[]"); {
	case nullable && f.Optional: // a member that is absent differs from one that is null
		f.Type = "nullable.Nullable[" + t + "]"
	case nullable || f.Optional && !list:
		f.Type = "*" + t
	default:
		f.Type = t
	}
	if c := m.find("const"); c.exists() {
		if t != "string" || f.Type != t {
			return f, errors.New("a constant must be a required string that is not null")
		}
		f.Const, f.Fixed = c.text(), true
	}
	return f, nil
}

// goType returns the type of a member's non-null values, and reports whether the member can be null.
func (l *loader) goType(m member) (t string, nullable bool, err error) {
	if m.schemas[0].get("$ref").exists() {
		target, name, err := m.schemas[0].resolve(l.root)
		if err != nil {
			return "", false, err
		}
		if target.get("type").text() != "object" && !target.get("allOf").exists() {
			return l.goType(member{m.name, []node{target}})
		}
		if !slices.Contains(l.refs, name) {
			l.refs = append(l.refs, name)
		}
		return goName(name), false, nil
	}
	if m.find("type").text() == "array" {
		return l.listType(m)
	}
	types := m.find("type").texts()
	nullable = slices.Contains(types, "null")
	types = slices.DeleteFunc(types, func(s string) bool { return s == "null" })
	if len(types) != 1 {
		return "", false, fmt.Errorf("need one type besides null, got %q", types)
	}
	switch t, format := types[0], m.find("format").text(); {
	case t == "string" && format == "uuid":
		return "uuid.UUID", nullable, nil
	case t == "string" && format == "date":
		return "types.Date", nullable, nil
	case t == "string" && format == "date-time":
		return "time.Time", nullable, nil
	case t == "string":
		return "string", nullable, nil
	case t == "integer" && format == "int32":
		return "int32", nullable, nil
	case t == "integer":
		return "int64", nullable, nil
	case t == "boolean":
		return "bool", nullable, nil
	}
	return "", false, fmt.Errorf("type %s has no Go type here", types[0])
}

// listType returns the type of a list. A list is never null: the document leaves it out, or it is empty.
func (l *loader) listType(m member) (t string, nullable bool, err error) {
	item := m.find("items")
	if !item.exists() {
		return "", false, errors.New("a list needs items")
	}
	t, null, err := l.goType(member{m.name, []node{item}})
	if err != nil {
		return "", false, err
	}
	if null || strings.HasPrefix(t, "[]") {
		return "", false, errors.New("a list of lists, or of values that can be null, has no Go type here")
	}
	return "[]" + t, false, nil
}
