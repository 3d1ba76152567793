package docpages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ordered is a YAML mapping that keeps its written order, which tells a reader more than alphabetical order.
type ordered[T any] []named[T]

type named[T any] struct {
	Name  string
	Value T
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (o *ordered[T]) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: not a mapping", node.Line)
	}
	for i := 0; i < len(node.Content); i += 2 {
		member := named[T]{Name: node.Content[i].Value}
		if err := node.Content[i+1].Decode(&member.Value); err != nil {
			return err
		}
		*o = append(*o, member)
	}
	return nil
}

// find returns the member with that name, or nil.
func (o ordered[T]) find(name string) *T {
	for i := range o {
		if o[i].Name == name {
			return &o[i].Value
		}
	}
	return nil
}

// toJSON writes a YAML value as indented JSON. Members keep their written order.
func toJSON(node yaml.Node) (string, error) {
	var compact, out bytes.Buffer
	if err := writeJSON(&compact, &node); err != nil {
		return "", err
	}
	if err := json.Indent(&out, compact.Bytes(), "", "  "); err != nil {
		return "", err
	}
	return out.String(), nil
}

func writeJSON(out *bytes.Buffer, node *yaml.Node) error {
	switch node.Kind {
	case yaml.AliasNode:
		return writeJSON(out, node.Alias)
	case yaml.MappingNode, yaml.SequenceNode:
		return writeMembers(out, node)
	default:
		return writeScalar(out, node)
	}
}

func writeMembers(out *bytes.Buffer, node *yaml.Node) error {
	brackets, step := "[]", 1
	if node.Kind == yaml.MappingNode {
		brackets, step = "{}", 2
	}
	out.WriteByte(brackets[0])
	for i := 0; i < len(node.Content); i += step {
		if i > 0 {
			out.WriteByte(',')
		}
		if step == 2 {
			if err := writeText(out, node.Content[i].Value); err != nil {
				return err
			}
			out.WriteByte(':')
		}
		if err := writeJSON(out, node.Content[i+step-1]); err != nil {
			return err
		}
	}
	out.WriteByte(brackets[1])
	return nil
}

func writeScalar(out *bytes.Buffer, node *yaml.Node) error {
	switch node.Tag {
	case "!!null", "!!bool", "!!int", "!!float":
		var value any
		if err := node.Decode(&value); err != nil {
			return err
		}
		text, err := json.Marshal(value)
		out.Write(text)
		return err
	default:
		return writeText(out, node.Value)
	}
}

// writeText does not escape <, > and &, because the template escapes them if necessary.
func writeText(out *bytes.Buffer, text string) error {
	var quoted strings.Builder
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		return err
	}
	out.WriteString(strings.TrimSuffix(quoted.String(), "\n"))
	return nil
}
