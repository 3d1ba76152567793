// Package uses finds out what a consumer's code uses of an owner's events, so that its contract can be held to just
// that: a contract that names less lets the owner take away what is used, and one that names more stops the owner for no
// reason. It needs no native library.
package uses

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// members are the members of an event's data, by the event's type.
type members map[string][]string

// Contract fails the test unless the contract, a pact file, names just what apply uses of the events that the owner's
// AsyncAPI document gives as examples: the types that have an effect, and the members of their data without which the
// effect is another one or none. Apply returns the effect, nil for none, on whatever state makes it show.
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
			t.Errorf("%s: the contract names %q of the data, and used is %q", typ, n, u)
		}
	}
	for typ := range named {
		if !slices.Contains(documented.Types(), typ) {
			t.Errorf("%s is in the contract, and in no example of the owner's", typ)
		}
	}
}

// add notes what is used of an event, by leaving out one member after the other.
func (m members) add(e event.Event, apply func(event.Event) (any, error)) error {
	whole, err := apply(e)
	if err != nil {
		return err
	}
	if whole == nil {
		return nil
	}
	var data map[string]json.RawMessage
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return err
	}
	m[e.Type] = append(make([]string, 0), m[e.Type]...)
	for name := range data {
		rest := maps.Clone(data)
		delete(rest, name)
		if e.Data, err = json.Marshal(rest); err != nil {
			return err
		}
		if without, err := apply(e); err != nil || !reflect.DeepEqual(without, whole) {
			m[e.Type] = append(m[e.Type], name)
		}
	}
	return nil
}

// namedIn reads what the interactions of a pact file name.
func namedIn(pact []byte) (members, error) {
	var file struct {
		Interactions []struct {
			Description string
			Contents    struct {
				Content struct {
					Type string
					Data map[string]any
				}
			}
		}
	}
	if err := json.Unmarshal(pact, &file); err != nil {
		return nil, err
	}
	named := members{}
	for _, i := range file.Interactions {
		content := i.Contents.Content
		if content.Type == "" {
			return nil, fmt.Errorf("the interaction %q is about no event", i.Description)
		}
		named[content.Type] = slices.AppendSeq(append(make([]string, 0), named[content.Type]...), maps.Keys(content.Data))
	}
	return named, nil
}
