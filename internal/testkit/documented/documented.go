// Package documented sends the example requests of an OpenAPI document, and compares the answers with the document's example
// answers. A reader who copies an example request must get the example answer. It also sends variations of these requests,
// whose answers follow from the rules of HTTP for every operation.
package documented

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// Prepare starts a server in the state that the examples of an operation assume, and returns its URL. It is called for each
// example body of the operation. If there are fewer than two, it is called once, with example "".
type Prepare func(t *testing.T, operation, example string) string

// Run sends every example of every operation in the document. Parameters have their example or default value. Each example
// body is sent. The answer must have the status of success, or of the refusal if the operation refuses everything. It must
// match its schema. It must be equal to the example with the same name, or otherwise to one of the examples.
func Run(t *testing.T, document []byte, prepare Prepare) {
	t.Helper()
	for _, o := range operations(t, document) {
		for _, b := range o.bodies() {
			t.Run(strings.TrimSuffix(o.Operation.OperationID+"/"+b.name, "/"), func(t *testing.T) {
				t.Parallel()
				if err := o.try(t, prepare(t, o.Operation.OperationID, b.name), b, nil); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

type operation struct{ *routers.Route }

// operations returns all operations of the document.
func operations(t *testing.T, document []byte) (all []operation) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			all = append(all, operation{&routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}})
		}
	}
	if len(all) == 0 {
		t.Fatal("the document has no operation")
	}
	return all
}

// body is an example of a request's body.
type body struct {
	name, mediaType string
	value           any // nil sends none
}

func (o operation) bodies() []body {
	if o.Operation.RequestBody == nil {
		return []body{{}}
	}
	var list []body
	for mediaType, content := range o.Operation.RequestBody.Value.Content {
		for name, example := range content.Examples {
			list = append(list, body{name, mediaType, example.Value.Value})
		}
	}
	if len(list) == 0 {
		return []body{{}} // the operation does not read the body
	}
	if len(list) == 1 {
		list[0].name = ""
	}
	slices.SortFunc(list, func(a, b body) int { return strings.Compare(a.name, b.name) })
	return list
}

// answer is an answer that has been read.
type answer struct {
	request *http.Request
	status  int
	header  http.Header
	text    []byte
}

func (a answer) String() string {
	return fmt.Sprintf("%s %s: %d\n%s", a.request.Method, a.request.URL, a.status, a.text)
}

// try sends the example request, changed by edit if that is set. The answer must be as documented.
func (o operation) try(t *testing.T, base string, b body, edit func(*http.Request)) error {
	a, err := o.send(t, base, b, edit)
	if err != nil {
		return err
	}
	status, err := o.status()
	if err != nil {
		return err
	}
	if a.status != status {
		return fmt.Errorf("the document says %d: %s", status, a)
	}
	if err := o.valid(t, a); err != nil {
		return err
	}
	return o.compare(b.name, a)
}

// send sends the example request, changed by edit if that is set, and reads the answer.
func (o operation) send(t *testing.T, base string, b body, edit func(*http.Request)) (answer, error) {
	req, err := o.request(t, base, b)
	if err != nil {
		return answer{}, err
	}
	if edit != nil {
		edit(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{req, res.StatusCode, res.Header, text}, err
}

func (o operation) request(t *testing.T, base string, b body) (*http.Request, error) {
	path, query, header := o.Path, url.Values{}, http.Header{}
	for _, ref := range slices.Concat(o.PathItem.Parameters, o.Operation.Parameters) {
		p := ref.Value
		value := exampleOf(p)
		switch {
		case value == nil && p.Name == cursor:
		case value == nil:
			return nil, fmt.Errorf("the parameter %s has neither an example nor a default", p.Name)
		case p.In == openapi3.ParameterInPath:
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(fmt.Sprint(value)))
		case p.In == openapi3.ParameterInQuery:
			query.Set(p.Name, fmt.Sprint(value))
		case p.In == openapi3.ParameterInHeader:
			header.Set(p.Name, fmt.Sprint(value))
		default:
			return nil, fmt.Errorf("the parameter %s is in %s, which this package does not support", p.Name, p.In)
		}
	}
	var content io.Reader
	if b.value != nil {
		text, err := json.Marshal(b.value)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
		header.Set("Content-Type", b.mediaType)
	}
	target := base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), o.Method, target, content)
	if err != nil {
		return nil, err
	}
	req.Header = header
	return req, nil
}

// cursor is the only parameter without an example: a cursor comes from an answer.
const cursor = "cursor"

func exampleOf(p *openapi3.Parameter) any {
	for _, value := range []any{p.Example, p.Schema.Value.Example, p.Schema.Value.Default} {
		if value != nil {
			return value
		}
	}
	return nil
}

// status returns the status of success, or of the refusal if the operation refuses everything.
func (o operation) status() (int, error) {
	for _, status := range []int{200, 201, 204, 409} {
		if o.Operation.Responses.Status(status) != nil {
			return status, nil
		}
	}
	return 0, errors.New("the document has none of the expected statuses")
}

// valid returns an error if the answer does not match the document.
func (o operation) valid(t *testing.T, a answer) error {
	in := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: a.request, Route: o.Route},
		Status:                 a.status, Header: a.header, Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	return openapi3filter.ValidateResponse(t.Context(), in.SetBodyBytes(a.text))
}

// compare compares the answer with the example of this name, or with all examples if none has the name.
func (o operation) compare(name string, a answer) error {
	promised := o.Operation.Responses.Status(a.status).Value.Content
	if len(promised) == 0 {
		if len(a.text) > 0 {
			return fmt.Errorf("the document describes no body, the answer has %s", a.text)
		}
		return nil
	}
	var have any
	if err := strictjson.Unmarshal(a.text, &have); err != nil {
		return err
	}
	media := promised.Get(a.header.Get("Content-Type"))
	examples := map[string]any{"the example": media.Example}
	if media.Example == nil {
		examples = map[string]any{}
		for key, example := range media.Examples {
			examples[key] = example.Value.Value
		}
	}
	if same, ok := examples[name]; ok {
		examples = map[string]any{name: same}
	}
	for _, want := range examples {
		if reflect.DeepEqual(settled(want), settled(have)) {
			return nil
		}
	}
	wanted, err := json.Marshal(examples)
	if err != nil {
		return err
	}
	return fmt.Errorf("the answer is %s\nthe document has %s", a.text, wanted)
}

// settled removes the members of a problem that differ between requests: instance and request_id.
func settled(value any) any {
	problem, ok := value.(map[string]any)
	if !ok || problem["title"] == nil || problem["status"] == nil {
		return value
	}
	problem = maps.Clone(problem)
	delete(problem, "instance")
	delete(problem, "request_id")
	return problem
}
