package api_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
)

// examples visits a document and validates every example in it with its schema, including formats.
type examples struct {
	seen   int
	faults []string
	used   map[*openapi3.Example]bool
	done   map[*openapi3.Schema]bool
}

var formats = []openapi3.SchemaValidationOption{
	openapi3.EnableFormatValidation(), openapi3.MultiErrors(),
	openapi3.WithStringFormatValidator("uuid", openapi3.NewCallbackValidator(uuid.Validate)),
	openapi3.WithStringFormatValidator("date", openapi3.NewCallbackValidator(parsedAs(time.DateOnly))),
	openapi3.WithStringFormatValidator("date-time", openapi3.NewCallbackValidator(parsedAs(time.RFC3339Nano))),
}

func parsedAs(layout string) func(string) error {
	return func(text string) error {
		_, err := time.Parse(layout, text)
		return err
	}
}

func (e *examples) value(at string, schema *openapi3.SchemaRef, value any, more ...openapi3.SchemaValidationOption) {
	e.seen++
	if schema == nil {
		e.faults = append(e.faults, at+": the example has no schema")
	} else if err := schema.Value.VisitJSON(value, append(more, formats...)...); err != nil {
		e.faults = append(e.faults, fmt.Sprintf("%s: %v", at, err))
	}
}

// values checks the unnamed example, if there is one, and all named ones.
func (e *examples) values(at string, schema *openapi3.SchemaRef, value any, named openapi3.Examples, more ...openapi3.SchemaValidationOption) {
	if value != nil {
		e.value(at, schema, value, more...)
	}
	for name, example := range named {
		e.used[example.Value] = true
		e.value(at+", "+name, schema, example.Value.Value, more...)
	}
	e.schema(at, schema)
}

func (e *examples) schema(at string, ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil || e.done[ref.Value] {
		return
	}
	s := ref.Value
	e.done[s] = true
	for what, value := range map[string]any{"example": s.Example, "default": s.Default} {
		if value != nil {
			e.value(at+", "+what, ref, value)
		}
	}
	for name, property := range s.Properties {
		e.schema(at+", "+name, property)
	}
	for _, part := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf, openapi3.SchemaRefs{s.Items, s.Not}) {
		e.schema(at, part)
	}
}

func (e *examples) parameter(at string, p *openapi3.Parameter) {
	e.values(at+" "+p.Name, p.Schema, p.Example, p.Examples)
}

func (e *examples) content(at string, content openapi3.Content, more ...openapi3.SchemaValidationOption) {
	for mediaType, media := range content {
		e.values(at+" "+mediaType, media.Schema, media.Example, media.Examples, more...)
	}
}

func (e *examples) response(at string, r *openapi3.Response) {
	e.content(at, r.Content, openapi3.VisitAsResponse())
	for name, header := range r.Headers {
		e.parameter(at+", header "+name, &header.Value.Parameter)
	}
}

func (e *examples) document(doc *openapi3.T) {
	for path, item := range doc.Paths.Map() {
		for _, p := range item.Parameters {
			e.parameter(path, p.Value)
		}
		for method, op := range item.Operations() {
			at := method + " " + path
			for _, p := range op.Parameters {
				e.parameter(at, p.Value)
			}
			if op.RequestBody != nil {
				e.content(at, op.RequestBody.Value.Content, openapi3.VisitAsRequest())
			}
			for status, response := range op.Responses.Map() {
				e.response(at+", "+status, response.Value)
			}
		}
	}
	c := doc.Components
	for name, schema := range c.Schemas {
		e.schema(name, schema)
	}
	for name, response := range c.Responses {
		e.response(name, response.Value)
	}
	for name, example := range c.Examples {
		if !e.used[example.Value] {
			e.faults = append(e.faults, "nothing uses the example "+name)
		}
	}
}

func check(doc *openapi3.T) *examples {
	e := &examples{used: map[*openapi3.Example]bool{}, done: map[*openapi3.Schema]bool{}}
	e.document(doc)
	return e
}

func TestEveryExampleFitsItsSchema(t *testing.T) {
	t.Parallel()
	for name, doc := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := check(doc)
			for _, fault := range e.faults {
				t.Error(fault)
			}
			if e.seen < 100 {
				t.Errorf("only %d examples", e.seen)
			}
		})
	}
}

// TestExamplesThatDoNotFitAreFound makes an example invalid in each kind of place.
func TestExamplesThatDoNotFitAreFound(t *testing.T) {
	t.Parallel()
	first := func(doc *openapi3.T, path string) *openapi3.Operation { return doc.Paths.Value(path).Get }
	tests := map[string]func(doc *openapi3.T){
		"PathParameter":   func(doc *openapi3.T) { doc.Paths.Value("/catalog/api/v1/{id}").Parameters[0].Value.Example = "seven" },
		"QueryParameter":  func(doc *openapi3.T) { first(doc, "/catalog/api/v1").Parameters[2].Value.Example = "2026-02-30" },
		"HeaderParameter": func(doc *openapi3.T) { doc.Components.Parameters["IfMatch"].Value.Example = "" },
		"Default":         func(doc *openapi3.T) { first(doc, "/catalog/api/v1").Parameters[3].Value.Schema.Value.Default = "size" },
		"Schema":          func(doc *openapi3.T) { doc.Components.Schemas["Timestamp"].Value.Example = "2026-13-01T00:00:00Z" },
		"Property":        func(doc *openapi3.T) { doc.Components.Schemas["Entry"].Value.Properties["market"].Value.Example = "nl" },
		"ResponseHeader":  func(doc *openapi3.T) { doc.Components.Headers["ETag"].Value.Example = "3" },
		"ResponseExample": func(doc *openapi3.T) {
			doc.Components.Responses["InUse"].Value.Content["application/problem+json"].Example = map[string]any{}
		},
		"ComponentExample": func(doc *openapi3.T) {
			doc.Components.Examples["Market"].Value.Value = map[string]any{"iso_code": "NL"}
		},
		"RequestExample": func(doc *openapi3.T) {
			doc.Components.Examples["EntryInput"].Value.Value = map[string]any{"market": "NL"}
		},
		"Unused": func(doc *openapi3.T) {
			doc.Components.Examples["More"] = &openapi3.ExampleRef{Value: &openapi3.Example{}}
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := documents(t)["catalog"]
			spoil(doc)
			if len(check(doc).faults) == 0 {
				t.Error("the check found nothing")
			}
		})
	}
}
