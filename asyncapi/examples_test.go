package asyncapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

const resource = "mem:///asyncapi.json"

// examples visits a document and validates every example in it with its schema, including formats.
type examples struct {
	compiler *jsonschema.Compiler
	seen     int
	faults   []string
}

func (e *examples) value(pointer string, value any) {
	e.seen++
	schema, err := e.compiler.Compile(resource + "#" + pointer)
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		e.faults = append(e.faults, fmt.Sprintf("%s: %v", pointer, err))
	}
}

// schemas checks the examples inside schemas, at any depth.
func (e *examples) schemas(pointer string, node any) {
	switch node := node.(type) {
	case map[string]any:
		list, _ := node["examples"].([]any)
		for _, value := range list {
			e.value(pointer, value)
		}
		for name, inner := range node {
			e.schemas(pointer+"/"+name, inner)
		}
	case []any:
		for i, inner := range node {
			e.schemas(fmt.Sprint(pointer, "/", i), inner)
		}
	}
}

// message checks complete messages: the headers, the payload, and the key, which is the event's subject.
func (e *examples) message(pointer string, message map[string]any) {
	list, _ := message["examples"].([]any)
	if len(list) == 0 {
		e.faults = append(e.faults, pointer+": no example")
	}
	for _, example := range list {
		example, _ := example.(map[string]any)
		e.value(pointer+"/headers", example["headers"])
		e.value(pointer+"/payload", example["payload"])
		payload, _ := example["payload"].(map[string]any)
		e.value(pointer+"/bindings/kafka/key", payload["subject"])
		headers, _ := example["headers"].(map[string]any)
		if headers["content-type"] != message["contentType"] {
			e.faults = append(e.faults, pointer+": the example has another content type")
		}
		if headers["ce_id"] != payload["id"] {
			e.faults = append(e.faults, pointer+": the example's headers have another id")
		}
	}
}

func check(t *testing.T, document string) *examples {
	t.Helper()
	var fromYAML any
	if err := yaml.Unmarshal([]byte(document), &fromYAML); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(fromYAML)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	e := &examples{compiler: jsonschema.NewCompiler()}
	e.compiler.DefaultDraft(jsonschema.Draft7) // the default of AsyncAPI
	e.compiler.AssertFormat()
	if err := e.compiler.AddResource(resource, tree); err != nil {
		t.Fatal(err)
	}
	components := tree.(map[string]any)["components"].(map[string]any)
	e.schemas("/components/schemas", components["schemas"])
	for name, message := range components["messages"].(map[string]any) {
		e.message("/components/messages/"+name, message.(map[string]any))
	}
	slices.Sort(e.faults)
	return e
}

func TestEveryExampleFitsItsSchema(t *testing.T) {
	t.Parallel()
	for name, document := range services.AsyncAPI(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := check(t, string(document))
			for _, fault := range e.faults {
				t.Error(fault)
			}
			if e.seen < 15 {
				t.Errorf("only %d examples", e.seen)
			}
		})
	}
}

// TestExamplesThatDoNotFitAreFound makes an example invalid in each kind of place.
func TestExamplesThatDoNotFitAreFound(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ from, to string }{
		"Schema":      {"examples: [NL]", "examples: [nl]"},
		"Format":      {"examples: ['2026-03-01T09:30:00.123456Z']", "examples: ['2026-13-01T09:30:00.123456Z']"},
		"Payload":     {"aggregateversion: 2", "aggregateversion: 0"},
		"Data":        {"              iso_code: NL", "              iso_code: nl"},
		"Header":      {"traceparent: 00-4bf9", "traceparent: 0-4bf9"},
		"ID":          {"ce_id: 0198c0de-9e66-", "ce_id: 0198c0de-9e67-"},
		"ContentType": {"            content-type: application/cloudevents+json", "            content-type: application/json"},
		"Key":         {"key: { type: string, pattern: '^[A-Z]{2}$' }", "key: { type: string, format: uuid }"},
		"None":        {"      examples:\n        - name: renamed", "      tests:\n        - name: renamed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoilt := strings.Replace(string(asyncapi.Catalog), tt.from, tt.to, 1)
			if spoilt == string(asyncapi.Catalog) {
				t.Fatalf("there is no %q", tt.from)
			}
			if len(check(t, spoilt).faults) == 0 {
				t.Error("the check found nothing")
			}
		})
	}
}
