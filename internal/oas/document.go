// Package oas holds requests, and in tests answers, against an OpenAPI document: one prepared check for each operation,
// so that nothing is routed twice.
//
// What it finds becomes a problem. Parameters in the path: 404, since there is no such thing. Parameters in the query
// and the header: 422, with the pointers /query/NAME and /header/NAME. The body: 400 when it cannot be read, 422 with
// JSON pointers when it is not valid. All faults of a request are told at once.
//
// An operation that never succeeds, by the document, is one that refuses whatever it is sent: of its requests only the
// path is looked at. A document that says x-ignore-unknown-query lets callers send names in the query that it does not
// know.
package oas

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// Config says what is checked beside the document.
type Config struct {
	MaxBody int64 // bytes; a larger body is 413
	// Available, when it is set, is asked before a valid request is handed on. What it returns is the answer.
	Available func() error
	// OnResponse, when it is set, is told of every answer that the document does not describe. Answers are then held
	// back until they are complete: it is for tests and demos.
	OnResponse func(ctx context.Context, err error)
}

// Validator checks the operations of one document.
type Validator struct {
	operations map[string]*operation // by operationId
	cfg        Config
}

// operation is what is known of one operation beforehand.
type operation struct {
	id      string
	route   *routers.Route
	answers *routers.Route // as answers are held against it; nil where they are not
	options *openapi3filter.Options
	cfg     Config
	query   map[string]bool // the names that it knows
	headers []string        // the header parameters, which come once at most
	numbers map[string]bool // the path parameters that are integers
	accepts []string        // media types of its answers when it succeeds; empty where they have no body
	refuses bool            // it never succeeds
	lenient bool            // unknown names in the query are ignored
}

// registerDecoder replaces, once for the process, the library's JSON decoder: it lets repeated members and data behind
// the value pass.
var registerDecoder = sync.OnceFunc(func() {
	for _, mediaType := range []string{"application/json", "application/merge-patch+json", "application/problem+json"} {
		openapi3filter.RegisterBodyDecoder(mediaType, decodeStrictly)
	}
})

// New reads a document.
func New(document []byte, cfg Config) (*Validator, error) {
	registerDecoder()
	doc, err := load(document)
	if err != nil {
		return nil, err
	}
	// Schemas are shared by requests and answers, and mean something else in each: so answers have a document of their own.
	var answers *openapi3.T
	if cfg.OnResponse != nil {
		if answers, err = load(document); err != nil {
			return nil, err
		}
		closeAnswers(answers)
	}
	options := &openapi3filter.Options{
		MultiError: true, KeepValidatedValue: true, IncludeResponseStatus: true,
		SkipSettingDefaults:               true, // it takes an explicit null for a member that is left out
		RejectWhenRequestBodyNotSpecified: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		SchemaValidationOptions: []openapi3.SchemaValidationOption{
			// The library looks at a date's form alone, and at no UUID.
			openapi3.WithStringFormatValidator("date", openapi3.NewCallbackValidator(isDate)),
			openapi3.WithStringFormatValidator("uuid", openapi3.NewCallbackValidator(isUUID)),
		},
	}
	v := &Validator{operations: map[string]*operation{}, cfg: cfg}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == "" || v.operations[op.OperationID] != nil {
				return nil, fmt.Errorf("%s %s needs an operationId of its own", method, path)
			}
			o := newOperation(doc, path, item, method, op, options, cfg)
			if answers != nil {
				closed := answers.Paths.Value(path)
				o.answers = &routers.Route{Spec: answers, Path: path, PathItem: closed, Method: method, Operation: closed.GetOperation(method)}
			}
			v.operations[op.OperationID] = o
		}
	}
	return v, nil
}

func load(document []byte) (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("the OpenAPI document is not valid: %w", err)
	}
	return doc, nil
}

func newOperation(doc *openapi3.T, path string, item *openapi3.PathItem, method string, op *openapi3.Operation,
	options *openapi3filter.Options, cfg Config,
) *operation {
	o := &operation{
		id: op.OperationID, options: options, cfg: cfg, query: map[string]bool{}, numbers: map[string]bool{}, refuses: true,
		route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op},
	}
	o.lenient, _ = doc.Extensions["x-ignore-unknown-query"].(bool)
	for _, p := range slices.Concat(item.Parameters, op.Parameters) {
		switch p.Value.In {
		case openapi3.ParameterInQuery:
			o.query[p.Value.Name] = true
		case openapi3.ParameterInHeader:
			o.headers = append(o.headers, p.Value.Name)
		case openapi3.ParameterInPath:
			o.numbers[p.Value.Name] = p.Value.Schema.Value.Type.Is(openapi3.TypeInteger)
		}
	}
	for status, response := range op.Responses.Map() {
		if !strings.HasPrefix(status, "2") {
			continue
		}
		o.refuses = false
		o.accepts = slices.AppendSeq(o.accepts, maps.Keys(response.Value.Content))
	}
	if o.refuses {
		unread := *options
		unread.ExcludeRequestBody, unread.ExcludeRequestQueryParams = true, true
		o.options = &unread
	}
	return o
}

// Middlewares returns one middleware for each operation, by operationId, as oapi-codegen's RegisterHandlersOptions
// take them.
func (v *Validator) Middlewares() map[string][]echo.MiddlewareFunc {
	all := make(map[string][]echo.MiddlewareFunc, len(v.operations))
	for id, o := range v.operations {
		all[id] = []echo.MiddlewareFunc{o.middleware}
	}
	return all
}

// API is what implements a document's operations: it routes each of them behind the middlewares that it is given for its
// operationId.
type API interface {
	Mount(e *echo.Echo, middlewares map[string][]echo.MiddlewareFunc)
}

// Mount puts the API behind the validation, and makes sure that it is.
func (v *Validator) Mount(e *echo.Echo, api API, prefixes ...string) error {
	api.Mount(e, v.Middlewares())
	return v.Verify(e, prefixes...)
}

// probe is what Verify asks the middlewares with.
type probe struct{ seen string }

type probeKey struct{}

// Verify makes sure that every operation of the document is routed to a handler behind its middleware, and that no
// other route is below one of the given prefixes. Call it at start-up: a handler without its middleware serves whatever
// it is sent (the generated code looks middlewares up by operationId, so that a name in another case is left out
// silently).
func (v *Validator) Verify(e *echo.Echo, prefixes ...string) error {
	var errs []error
	known := map[string]bool{}
	for id, o := range v.operations {
		path := strings.NewReplacer("{", ":", "}", "").Replace(o.route.Path)
		known[o.route.Method+" "+path] = true
		if seenBy(e, o.route.Method, path) != id {
			errs = append(errs, fmt.Errorf("the operation %s (%s %s) has no handler behind its validation", id, o.route.Method, o.route.Path))
		}
	}
	for _, r := range e.Routes() {
		for _, prefix := range prefixes {
			if strings.HasPrefix(r.Path, prefix) && !known[r.Method+" "+r.Path] && r.Method != echo.RouteNotFound {
				errs = append(errs, fmt.Errorf("the route %s %s is in no document", r.Method, r.Path))
			}
		}
	}
	return errors.Join(errs...)
}

// seenBy returns the operation whose middleware a request would meet first, or "".
func seenBy(e *echo.Echo, method, path string) (id string) {
	p := &probe{}
	req, err := http.NewRequestWithContext(context.WithValue(context.Background(), probeKey{}, p), method, path, http.NoBody)
	if err != nil {
		return ""
	}
	c := e.NewContext(req, nil)
	e.Router().Find(method, path, c)
	if c.Path() != path {
		return ""
	}
	// The middleware answers the probe. Without it the handler runs, and panics at the latest where it writes its
	// answer, for which there is nowhere to go.
	defer func() {
		if recover() != nil {
			id = ""
		}
	}()
	_ = c.Handler()(c)
	return p.seen
}

func isUUID(s string) error {
	if len(s) != 36 {
		return errors.New("is no UUID")
	}
	return uuid.Validate(s)
}

func isDate(s string) error {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return errors.New("is no date of the calendar, as in 2026-02-28")
	}
	return nil
}

func decodeStrictly(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	if err := strictjson.Check(text); err != nil {
		return nil, &openapi3filter.ParseError{Kind: openapi3filter.KindInvalidFormat, Cause: err}
	}
	return decode(bytes.NewReader(text))
}
