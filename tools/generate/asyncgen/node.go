package main

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// node is a value of the document. Members keep their written order. This is also the order of the generated fields, and of the
// members in a message.
type node struct{ *yaml.Node }

// get returns the member at a path of names, or a nil node.
func (n node) get(names ...string) node {
	for _, name := range names {
		next := node{}
		for key, value := range n.members() {
			if key == name {
				next = value
			}
		}
		n = next
	}
	return n
}

// members yields the members of an object in their order. For other values it yields nothing.
func (n node) members() iter.Seq2[string, node] {
	return func(yield func(string, node) bool) {
		if n.Node == nil || n.Kind != yaml.MappingNode {
			return
		}
		for pair := range slices.Chunk(n.Content, 2) {
			if !yield(pair[0].Value, node{pair[1]}) {
				return
			}
		}
	}
}

// items returns the items of an array. For other values it returns nothing.
func (n node) items() []node {
	if n.Node == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	items := make([]node, len(n.Content))
	for i, item := range n.Content {
		items[i] = node{item}
	}
	return items
}

// text returns the text of a scalar, or "".
func (n node) text() string {
	if n.Node == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// texts returns a scalar or an array of scalars as a list.
func (n node) texts() []string {
	if t := n.text(); t != "" {
		return []string{t}
	}
	var texts []string
	for _, item := range n.items() {
		texts = append(texts, item.text())
	}
	return texts
}

func (n node) exists() bool { return n.Node != nil }

// resolve follows references within the document. It returns the node, and the last name in the last reference.
func (n node) resolve(root node) (target node, name string, err error) {
	seen := map[string]bool{}
	for {
		ref := n.get("$ref").text()
		if ref == "" {
			return n, name, nil
		}
		path, local := strings.CutPrefix(ref, "#/")
		if !local || seen[ref] {
			return node{}, "", fmt.Errorf("reference %q does not lead anywhere in this document", ref)
		}
		seen[ref] = true
		names := strings.Split(path, "/")
		name = names[len(names)-1]
		if n = root.get(names...); !n.exists() {
			return node{}, "", fmt.Errorf("reference %q does not lead anywhere in this document", ref)
		}
	}
}
