package docpages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// schema is the part of JSON Schema that the documents use.
type schema struct {
	Ref         string `yaml:"$ref"`
	Description string
	Type        types
	Format      string
	Pattern     string
	Const       any
	Enum        []any
	Required    []string
	Properties  ordered[schema]
	Items       *schema
	AllOf       []schema `yaml:"allOf"`

	MinLength *int `yaml:"minLength"`
	MaxLength *int `yaml:"maxLength"`
	Minimum   *string
	Maximum   *string
}

// types is one type or several.
type types []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *types) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*t = types{node.Value}
		return nil
	}
	return node.Decode((*[]string)(t))
}

// field is a member at any depth, as a row of a table.
type field struct {
	Path        string // for example "data.name"; "[]" stands for the items of an array
	Parent      string // the path before the last name, including the dot
	Name        string
	Type        string
	Constraints []constraint
	Description string
	Required    bool
	UsedBy      []string // consumers
}

type constraint struct {
	What  string
	Value string // for code; may be empty
}

// fields returns the members of a schema, the outer ones first.
func (d *eventsDocument) fields(s schema) ([]field, error) { return d.fieldsBelow("", s, 0) }

// maxDepth is far more than any readable message has. A schema that contains itself exceeds it.
const maxDepth = 16

func (d *eventsDocument) fieldsBelow(parent string, s schema, depth int) ([]field, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("%s: too deep", parent)
	}
	s, err := d.whole(s, depth)
	if err != nil {
		return nil, err
	}
	var list []field
	for _, member := range s.Properties {
		value, err := d.whole(member.Value, depth)
		if err != nil {
			return nil, err
		}
		path := parent + member.Name
		list = append(list, field{
			Path: path, Parent: parent, Name: member.Name, Type: strings.Join(value.Type, " or "),
			Constraints: constraints(value), Description: value.Description,
			Required: slices.Contains(s.Required, member.Name),
		})
		for value.Items != nil {
			path += "[]"
			if value, err = d.whole(*value.Items, depth); err != nil {
				return nil, err
			}
		}
		inner, err := d.fieldsBelow(path+".", value, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, inner...)
	}
	return list, nil
}

// whole follows references, and merges the schemas of an allOf into one. A later schema overrides an earlier one, but it
// cannot remove a requirement.
func (d *eventsDocument) whole(s schema, depth int) (schema, error) {
	if depth > maxDepth {
		return schema{}, fmt.Errorf("%s: too deep", s.Ref)
	}
	if s.Ref != "" {
		name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/")
		target := d.Components.Schemas.find(name)
		if !ok || target == nil {
			return schema{}, fmt.Errorf("there is no schema %s", s.Ref)
		}
		return d.whole(*target, depth+1)
	}
	if len(s.AllOf) == 0 {
		return s, nil
	}
	all := schema{}
	for _, part := range append(slices.Clone(s.AllOf), withoutParts(s)) {
		part, err := d.whole(part, depth+1)
		if err != nil {
			return schema{}, err
		}
		if all, err = d.merge(all, part, depth+1); err != nil {
			return schema{}, err
		}
	}
	return all, nil
}

func withoutParts(s schema) schema {
	s.AllOf = nil
	return s
}

func (d *eventsDocument) merge(a, b schema, depth int) (schema, error) {
	if b.Description == "" {
		b.Description = a.Description
	}
	if b.Type == nil {
		b.Type = a.Type
	}
	b.Format, b.Pattern = cmp.Or(b.Format, a.Format), cmp.Or(b.Pattern, a.Pattern)
	if b.Const == nil {
		b.Const = a.Const
	}
	if b.Enum == nil {
		b.Enum = a.Enum
	}
	if b.Items == nil {
		b.Items = a.Items
	}
	b.MinLength, b.MaxLength = cmp.Or(b.MinLength, a.MinLength), cmp.Or(b.MaxLength, a.MaxLength)
	b.Minimum, b.Maximum = cmp.Or(b.Minimum, a.Minimum), cmp.Or(b.Maximum, a.Maximum)
	b.Required = append(slices.Clone(a.Required), b.Required...)
	members, err := d.mergeMembers(a.Properties, b.Properties, depth)
	b.Properties = members
	return b, err
}

func (d *eventsDocument) mergeMembers(a, b ordered[schema], depth int) (ordered[schema], error) {
	members := slices.Clone(a)
	for _, member := range b {
		before := members.find(member.Name)
		if before == nil {
			members = append(members, member)
			continue
		}
		left, err := d.whole(*before, depth)
		if err != nil {
			return nil, err
		}
		right, err := d.whole(member.Value, depth)
		if err != nil {
			return nil, err
		}
		if *before, err = d.merge(left, right, depth); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// constraints describes in words the limits of a value, apart from its type.
func constraints(s schema) (list []constraint) {
	add := func(what, value string) { list = append(list, constraint{what, value}) }
	if s.Const != nil {
		add("always", fmt.Sprint(s.Const))
		return list
	}
	for i, value := range s.Enum {
		what := "or"
		if i == 0 {
			what = "one of"
		}
		add(what, fmt.Sprint(value))
	}
	if s.Format != "" {
		add("format", s.Format)
	}
	if s.MinLength != nil || s.MaxLength != nil {
		add(bounds("character", "characters", number(s.MinLength), number(s.MaxLength)), "")
	}
	if s.Minimum != nil {
		add("at least", *s.Minimum)
	}
	if s.Maximum != nil {
		add("at most", *s.Maximum)
	}
	if s.Pattern != "" {
		add("matches", s.Pattern)
	}
	return list
}

func number(n *int) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

func bounds(one, many, least, most string) string {
	switch {
	case most == "" && least == "1":
		return "at least 1 " + one
	case most == "":
		return "at least " + least + " " + many
	case least == "":
		return "at most " + most + " " + many
	default:
		return least + " to " + most + " " + many
	}
}
