// Package uses finds out what a consumer's code uses of an owner's events. Its contract must name exactly that. If it names
// less, the owner can remove what is used. If it names more, it stops the owner for no reason. The package needs no native
// library.
package uses

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// members are the paths of members of an event's data, by the event's type. A path is, for example, problem.errors[].detail.
type members map[string][]string

// Contract fails the test unless the contract, a pact file, names exactly what apply uses of the example events in the
// owner's AsyncAPI document. These are the types that have an effect, and the members of their data, at any depth, whose
// absence changes the effect. Apply returns the effect, or nil for none. It may choose a state in which the effect is visible.
func Contract(t testing.TB, pact, document []byte, apply func(event.Event) (effect any, err error)) {
	t.Helper()
	named, err := namedIn(pact)
	if err != nil {
		t.Fatal(err)
	}
	documented, err := eventschema.NewEvents(document)
	if err != nil {
		t.Fatal(err)
	}
	used := members{}
	for _, example := range documented.Examples() {
		e, err := event.Decode(example.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if err := used.add(e, apply); err != nil {
			t.Fatalf("the example %s: %v", example.Name, err)
		}
	}
	for _, typ := range documented.Types() {
		n, u := named[typ], used[typ]
		slices.Sort(n)
		slices.Sort(u)
		switch n, u := slices.Compact(n), slices.Compact(u); {
		case (named[typ] == nil) != (used[typ] == nil):
			t.Errorf("%s: in the contract: %t, has an effect: %t", typ, named[typ] != nil, used[typ] != nil)
		case !slices.Equal(n, u):
			t.Errorf("%s: the contract names the members %q of the data, but the code uses %q", typ, n, u)
		}
	}
	for typ := range named {
		if !slices.Contains(documented.Types(), typ) {
			t.Errorf("%s is in the contract, but the owner has no example of it", typ)
		}
	}
}

// add finds the used members of an event by omitting one member after another.
func (m members) add(e event.Event, apply func(event.Event) (any, error)) error {
	whole, err := apply(e)
	if err != nil {
		return err
	}
	if whole == nil {
		return nil
	}
	data, example := map[string]any{}, e.Data
	if err := strictjson.Unmarshal(example, &data); err != nil {
		return err
	}
	m[e.Type] = append(make([]string, 0), m[e.Type]...)
	for _, path := range paths("", data) {
		rest := map[string]any{}
		if err := strictjson.Unmarshal(example, &rest); err != nil {
			return err
		}
		omit(rest, path)
		if e.Data, err = json.Marshal(rest); err != nil {
			return err
		}
		if without, err := apply(e); err != nil || !reflect.DeepEqual(without, whole) {
			m[e.Type] = append(m[e.Type], path)
		}
	}
	return nil
}

// paths returns the paths of an object's members, at any depth. Of a list it looks only at the first item.
func paths(parent string, object map[string]any) (list []string) {
	for name, value := range object {
		at := parent + name
		list = append(list, at)
		if items, ok := value.([]any); ok && len(items) > 0 {
			at, value = at+"[]", items[0]
		}
		if inner, ok := value.(map[string]any); ok {
			list = append(list, paths(at+".", inner)...)
		}
	}
	return list
}

// omit removes the member with the path from the object. Of a list it changes only the first item.
func omit(object map[string]any, path string) {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		delete(object, name)
		return
	}
	value := object[strings.TrimSuffix(name, "[]")]
	if items, ok := value.([]any); ok {
		value = items[0]
	}
	inner, _ := value.(map[string]any) // paths has found it
	omit(inner, rest)
}

// namedIn returns what the interactions of a pact file name.
func namedIn(pact []byte) (members, error) {
	var file struct {
		Interactions []struct {
			Description string `json:"description"`
			Contents    struct {
				Content struct {
					Type string         `json:"type"`
					Data map[string]any `json:"data"`
				} `json:"content"`
			} `json:"contents"`
		} `json:"interactions"`
	}
	if err := strictjson.Unmarshal(pact, &file); err != nil {
		return nil, err
	}
	named := members{}
	for _, i := range file.Interactions {
		content := i.Contents.Content
		if content.Type == "" {
			return nil, fmt.Errorf("the interaction %q is about no event", i.Description)
		}
		named[content.Type] = append(append(make([]string, 0), named[content.Type]...), paths("", content.Data)...)
	}
	return named, nil
}
