// Package oas checks requests against an OpenAPI document, and in tests the answers too. Each operation has one prepared
// check, so that no request is routed twice.
//
// A fault becomes a problem. An invalid parameter in the path is 404, because nothing can have this id. Invalid parameters
// in the query and the header are 422, with the pointers /query/NAME and /header/NAME. A body is 400 if it cannot be parsed,
// and 422 with JSON pointers if it is not valid. The problem lists all faults of a request at once.
//
// If the document gives an operation no successful answer, the operation refuses every request. Then only the path of a
// request is checked. If the document has x-ignore-unknown-query, callers may send query parameters that it does not know,
// and a body with an operation that reads none. A query parameter with allowEmptyValue and an empty value counts as left out.
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

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// Config has the settings that are not in the document.
type Config struct {
	MaxBody int64 // in bytes; a larger body is 413
	// Available, if set, is called before a valid request reaches its handler. If it returns an error, that is the answer.
	Available func() error
	// Admit, if set, is called before a valid request of a class reaches its handler. entity is the path of what a request changes
	// by its key, or "". If Admit returns an error, that is the answer. Otherwise the handler gets the context, and leave its error
	// when it has ended.
	Admit func(ctx context.Context, class admission.Class, entity string) (admitted context.Context, leave func(error), err error)
	// AdmitLarge, if set, is called before the check of a large body, which needs much CPU time. done is called after the check. If
	// AdmitLarge returns an error, that is the answer.
	AdmitLarge func(ctx context.Context, class admission.Class) (done func(), err error)
	// OnResponse, if set, is called for every answer that the document does not describe. Then each answer is held back
	// until it is complete. Use it only in tests and demos.
	OnResponse func(ctx context.Context, err error)
}

// Validator checks the operations of one document.
type Validator struct {
	operations map[string]*operation // by operationId
	paths      map[string]*openapi3.PathItem
	cfg        Config
}

// operation has everything about one operation that can be prepared.
type operation struct {
	id      string
	class   admission.Class
	route   *routers.Route
	answers *routers.Route // for the check of answers; nil if answers are not checked
	options *openapi3filter.Options
	cfg     Config
	query   map[string]bool // the query parameters that it knows
	headers []string        // the header parameters; each may be given only once
	numbers map[string]bool // the path parameters that are integers
	accepts []string        // the media types of its successful answers; empty if they have no body
	refuses bool            // it never succeeds
	lenient bool            // unknown query parameters are ignored, and bodies where the operation has none
	empties map[string]bool // the query parameters for which an empty value means none
	changes bool            // it changes an entity with an ETag, and its handler evaluates If-Match
	reads   bool            // it reads an entity with an ETag, and its handler evaluates If-None-Match
	bodies  map[*openapi3.MediaType]members
}

// registerDecoder replaces the JSON decoder of the library, once for the process. The library's decoder accepts repeated
// members and data after the value.
var registerDecoder = sync.OnceFunc(func() {
	for _, mediaType := range []string{"application/json", "application/merge-patch+json", "application/problem+json"} {
		openapi3filter.RegisterBodyDecoder(mediaType, decodeStrictly)
	}
})

// New reads a document and prepares the checks of its operations.
func New(document []byte, cfg Config) (*Validator, error) {
	registerDecoder()
	doc, err := load(document)
	if err != nil {
		return nil, err
	}
	// Requests and answers share schemas, but a schema means something else in each of them. So answers use a second copy
	// of the document.
	var answers *openapi3.T
	if cfg.OnResponse != nil {
		if answers, err = load(document); err != nil {
			return nil, err
		}
		closeAnswers(answers)
	}
	options := &openapi3filter.Options{
		MultiError: true, KeepValidatedValue: true, IncludeResponseStatus: true,
		SkipSettingDefaults:               true, // the library would treat an explicit null as a member that is left out
		RejectWhenRequestBodyNotSpecified: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
		SchemaValidationOptions: []openapi3.SchemaValidationOption{
			// The library checks only the form of a date, and does not check UUIDs.
			openapi3.WithStringFormatValidator("date", openapi3.NewCallbackValidator(isDate)),
			openapi3.WithStringFormatValidator("uuid", openapi3.NewCallbackValidator(isUUID)),
		},
	}
	v := &Validator{operations: map[string]*operation{}, paths: doc.Paths.Map(), cfg: cfg}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == "" || v.operations[op.OperationID] != nil {
				return nil, fmt.Errorf("%s %s needs a unique operationId", method, path)
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
	allowNull(doc)
	return doc, nil
}

func newOperation(doc *openapi3.T, path string, item *openapi3.PathItem, method string, op *openapi3.Operation,
	options *openapi3filter.Options, cfg Config,
) *operation {
	o := &operation{
		id: op.OperationID, class: classOf(method, path), options: options, cfg: cfg, query: map[string]bool{}, numbers: map[string]bool{},
		empties: map[string]bool{}, refuses: true,
		route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op},
	}
	o.lenient, _ = doc.Extensions["x-ignore-unknown-query"].(bool)
	for _, p := range slices.Concat(item.Parameters, op.Parameters) {
		switch p.Value.In {
		case openapi3.ParameterInQuery:
			o.query[p.Value.Name] = true
			if p.Value.AllowEmptyValue {
				o.empties[p.Value.Name] = true
			}
		case openapi3.ParameterInHeader:
			o.headers = append(o.headers, p.Value.Name)
			o.changes = o.changes || p.Value.Name == "If-Match" && method != http.MethodGet
			o.reads = o.reads || p.Value.Name == "If-None-Match"
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
	if op.RequestBody != nil {
		o.bodies = membersOf(op.RequestBody.Value)
	}
	if o.lenient && op.RequestBody == nil {
		ignored := *options
		ignored.ExcludeRequestBody = true
		o.options = &ignored
	}
	if o.refuses {
		unread := *options
		unread.ExcludeRequestBody, unread.ExcludeRequestQueryParams = true, true
		o.options = &unread
	}
	return o
}

// Middlewares returns one middleware for each operation, by operationId. This is the form of oapi-codegen's
// RegisterHandlersOptions.
func (v *Validator) Middlewares() map[string][]echo.MiddlewareFunc {
	all := make(map[string][]echo.MiddlewareFunc, len(v.operations))
	for id, o := range v.operations {
		all[id] = []echo.MiddlewareFunc{o.middleware}
	}
	return all
}

// Paths returns the paths of the document.
func (v *Validator) Paths() []string { return slices.Sorted(maps.Keys(v.paths)) }

// API implements the operations of a document. Mount adds a route for each operation, with the middlewares for its
// operationId.
type API interface {
	Mount(e *echo.Echo, middlewares map[string][]echo.MiddlewareFunc)
}

// Mount adds the API with its validation and an answer to OPTIONS for each path. It verifies that every operation is
// validated.
func (v *Validator) Mount(e *echo.Echo, api API, prefixes ...string) error {
	api.Mount(e, v.Middlewares())
	v.mountOptions(e)
	return v.Verify(e, prefixes...)
}

// probe is in the context of a request that Verify sends. The first middleware that gets it stores its operation.
type probe struct{ seen string }

type probeKey struct{}

// Verify returns an error unless every operation of the document has a route with its middleware, and no other route is
// below one of the prefixes. Call it at start-up, because a handler without its middleware accepts any request. This can
// happen silently: the generated code finds middlewares by operationId, and skips a name in another case.
func (v *Validator) Verify(e *echo.Echo, prefixes ...string) error {
	var errs []error
	known := map[string]bool{}
	for id, o := range v.operations {
		path := routed(o.route.Path)
		known[o.route.Method+" "+path], known[http.MethodOptions+" "+path] = true, true
		if seenBy(e, o.route.Method, path) != id {
			errs = append(errs, fmt.Errorf("the operation %s (%s %s) has no validated handler", id, o.route.Method, o.route.Path))
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

// seenBy returns the operation whose middleware a request would reach first, or "".
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
	// The middleware answers the probe. If there is no middleware, the handler runs. It panics at the latest when it writes
	// its answer, because there is no response to write to.
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
		return errors.New("is not a UUID")
	}
	return uuid.Validate(s)
}

func isDate(s string) error {
	if _, err := time.Parse(time.DateOnly, s); err != nil {
		return errors.New("is not a date of the calendar, such as 2026-02-28")
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
