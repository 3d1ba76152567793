// Package eventschema checks messages against the AsyncAPI document that describes them. A service must publish exactly
// what its document describes, and nothing more. The check costs time, so only tests and demos use it.
package eventschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// Events has a schema for each CloudEvents type of one document.
type Events struct {
	byType   map[string]*jsonschema.Schema
	examples []Example
}

// Example is a message that the document gives as an example.
type Example struct {
	Type    string // CloudEvents type
	Name    string
	Pointer string // where in the document it is
	Payload []byte
}

const resource = "mem:///asyncapi.json"

// NewEvents compiles the payload schema of every message in an AsyncAPI 3 document. The schemas check formats, and they
// refuse members that are not documented: a consumer must ignore members that it does not know, but a publisher must not
// send members that it does not document.
func NewEvents(document []byte) (*Events, error) {
	var d doc
	if err := decode(document, &d); err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := decode(document, &tree); err != nil {
		return nil, err
	}
	closeObjects(tree)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020) // a superset of the part of draft 7 that AsyncAPI uses, and it can close an allOf
	compiler.AssertFormat()
	if err := compiler.AddResource(resource, tree); err != nil {
		return nil, err
	}
	events := &Events{byType: map[string]*jsonschema.Schema{}}
	for _, name := range slices.Sorted(maps.Keys(d.Components.Messages)) {
		message := d.Components.Messages[name]
		typ := d.constant(message.Payload.Ref, "type")
		if typ == "" {
			return nil, fmt.Errorf("message %s: %s has no constant member \"type\"", name, message.Payload.Ref)
		}
		if events.byType[typ] != nil {
			return nil, fmt.Errorf("message %s: a second message of type %s", name, typ)
		}
		schema, err := compiler.Compile(resource + message.Payload.Ref)
		if err != nil {
			return nil, fmt.Errorf("message %s: %w", name, err)
		}
		events.byType[typ] = schema
		for i, e := range message.Examples {
			payload, err := json.Marshal(e.Payload)
			if err != nil {
				return nil, fmt.Errorf("message %s, example %s: %w", name, e.Name, err)
			}
			pointer := fmt.Sprintf("/components/messages/%s/examples/%d", name, i)
			events.examples = append(events.examples, Example{Type: typ, Name: e.Name, Pointer: pointer, Payload: payload})
		}
	}
	return events, nil
}

// Types returns the CloudEvents types that the document describes, sorted.
func (e *Events) Types() []string { return slices.Sorted(maps.Keys(e.byType)) }

// Examples returns the document's examples, in the order of the message names.
func (e *Events) Examples() []Example { return slices.Clone(e.examples) }

// Validate checks the bytes of a message against the schema of its CloudEvents type.
func (e *Events) Validate(typ string, payload []byte) error {
	schema := e.byType[typ]
	if schema == nil {
		return fmt.Errorf("no message of type %q is documented; there are %s", typ, strings.Join(e.Types(), ", "))
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("%s: %w", typ, err)
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%s: %w", typ, err)
	}
	return nil
}

// ErrUndescribed is the error of an event that does not match its document.
var ErrUndescribed = errors.New("the event does not match the AsyncAPI document")

// Hold returns a function that calls encode and checks the message against its schema. If the check fails, it returns
// ErrUndescribed.
func Hold[E any](events *Events, encode func(E) (event.Message, error)) func(E) (event.Message, error) {
	return func(e E) (event.Message, error) {
		m, err := encode(e)
		if err != nil {
			return m, err
		}
		if err := events.Validate(m.Type, m.Payload); err != nil {
			return event.Message{}, fmt.Errorf("%w: %w\n%s", ErrUndescribed, err, m.Payload)
		}
		return m, nil
	}
}

// decode turns YAML into the values that encoding/json would return for the same document in JSON.
func decode(document []byte, into any) error {
	var tree any
	if err := yaml.Unmarshal(document, &tree); err != nil {
		return err
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	return strictjson.Unmarshal(asJSON, into)
}
