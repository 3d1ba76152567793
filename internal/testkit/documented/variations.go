package documented

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// variation is a change of an example request.
type variation struct {
	applies func(o operation) bool // nil: to all operations
	edit    func(o operation, req *http.Request)
	again   bool // the example request is sent before; the changed one must get the same answer

	// A refusal has a status, the name of its problem, and the values of headers. Without a status, the answer must be the
	// one of the example request.
	status  int
	problem string
	headers map[string]func(o operation) string
}

// Vary sends variations of every example request. One that is refused must change nothing: after all refusals, the example
// request itself still gets its documented answer.
func Vary(t *testing.T, document []byte, prepare Prepare) {
	t.Helper()
	for _, o := range operations(t, document) {
		b := o.bodies()[0]
		id := o.Operation.OperationID
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			t.Run("Refused", func(t *testing.T) {
				t.Parallel()
				base := prepare(t, id, b.name)
				for name, v := range refusals {
					if v.applies == nil || v.applies(o) {
						if err := o.refused(t, base, b, v); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					}
				}
				if err := o.methods(t, base); err != nil {
					t.Error(err)
				}
				if err := o.try(t, base, b, nil); err != nil {
					t.Errorf("after the refusals: %v", err)
				}
			})
			shared := ""
			if o.Method == http.MethodGet {
				shared = prepare(t, id, b.name) // reading changes nothing
			}
			for name, v := range equivalents {
				if v.applies != nil && !v.applies(o) {
					continue
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					base := shared
					if base == "" {
						base = prepare(t, id, b.name)
					}
					if v.again {
						if err := o.try(t, base, b, nil); err != nil {
							t.Fatal(err)
						}
					}
					if err := o.try(t, base, b, func(req *http.Request) { v.edit(o, req) }); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// refused sends a variation that must be refused.
func (o operation) refused(t *testing.T, base string, b body, v variation) error {
	req, res, text, err := o.send(t, base, b, func(req *http.Request) {
		req.Header.Del("Idempotency-Key") // the owner's refusal of a change would be repeated for the example request
		v.edit(o, req)
	})
	if err != nil {
		return err
	}
	var problem struct {
		Type string `json:"type"`
	}
	if res.StatusCode != v.status || res.Header.Get("Content-Type") != "application/problem+json" {
		return fmt.Errorf("%s %s: %d, want %d\n%s", req.Method, req.URL, res.StatusCode, v.status, text)
	}
	if err := strictjson.Unmarshal(text, &problem); err != nil || !strings.HasSuffix(problem.Type, "/"+v.problem) {
		return fmt.Errorf("%s %s: want the problem %s: %w\n%s", req.Method, req.URL, v.problem, err, text)
	}
	if err := o.headers(res, v); err != nil {
		return err
	}
	return o.valid(t, req, res, text)
}

// methods returns an error unless OPTIONS, and the refusal of an unknown method, list the methods of the path (RFC 9110,
// sections 9.3.7 and 15.5.6).
func (o operation) methods(t *testing.T, base string) error {
	want := []string{"OPTIONS"}
	patch := ""
	for method, op := range o.PathItem.Operations() {
		want = append(want, method)
		switch method {
		case http.MethodGet:
			want = append(want, http.MethodHead)
		case http.MethodPatch:
			patch = mediaType(operation{&routers.Route{Operation: op}})
		}
	}
	slices.Sort(want)
	for method, status := range map[string]int{http.MethodOptions: http.StatusNoContent, "BREW": http.StatusMethodNotAllowed} {
		req, res, text, err := o.send(t, base, body{}, func(req *http.Request) { req.Method = method })
		if err != nil {
			return err
		}
		have := strings.Split(res.Header.Get("Allow"), ", ")
		slices.Sort(have)
		if res.StatusCode != status || !slices.Equal(have, want) || method == http.MethodOptions && res.Header.Get("Accept-Patch") != patch {
			return fmt.Errorf("%s %s: %d, Allow %q, want %q; Accept-Patch %q, want %q\n%s",
				method, req.URL, res.StatusCode, have, want, res.Header.Get("Accept-Patch"), patch, text)
		}
	}
	return nil
}

// Unavailable sends every example request to a server whose database is away. The answer says when to try again.
func Unavailable(t *testing.T, document []byte, base string) {
	t.Helper()
	for _, o := range operations(t, document) {
		err := o.refused(t, base, o.bodies()[0], variation{
			edit: func(operation, *http.Request) {}, status: 503, problem: "unavailable",
			headers: map[string]func(operation) string{"Retry-After": func(operation) string { return "2" }},
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func (o operation) headers(res *http.Response, v variation) error {
	for name, want := range v.headers {
		have := strings.Join(res.Header.Values(name), ", ")
		if wanted := want(o); have != wanted {
			return fmt.Errorf("%d: the header %s is %q, want %q", res.StatusCode, name, have, wanted)
		}
	}
	return nil
}

// lists reports whether the operation has the parameter.
func (o operation) lists(in, name string) bool {
	return slices.ContainsFunc(slices.Concat(o.PathItem.Parameters, o.Operation.Parameters), func(p *openapi3.ParameterRef) bool {
		return p.Value.In == in && p.Value.Name == name
	})
}

func header(name, value string) func(operation, *http.Request) {
	return func(_ operation, req *http.Request) { req.Header.Set(name, value) }
}

// changes reports whether the operation changes an entity that has an ETag.
func changes(o operation) bool { return o.lists(openapi3.ParameterInHeader, "If-Match") }

// reads reports whether the operation reads an entity that has an ETag.
func reads(o operation) bool { return o.lists(openapi3.ParameterInHeader, "If-None-Match") }

func hasBody(o operation) bool { return o.Operation.RequestBody != nil }

func none(operation) string { return "" }

// mediaType returns the media type that a body must have.
func mediaType(o operation) string {
	return strings.Join(slices.Sorted(maps.Keys(o.Operation.RequestBody.Value.Content)), ", ")
}

// patchType returns the media type that a patch must have, or "".
func patchType(o operation) string {
	if o.Method != http.MethodPatch {
		return ""
	}
	return mediaType(o)
}

// ignoredMembers returns the members of the operation's body that the service accepts and ignores.
func ignoredMembers(o operation) (names []string) {
	if o.Operation.RequestBody == nil {
		return nil
	}
	for _, media := range o.Operation.RequestBody.Value.Content {
		for name, schema := range media.Schema.Value.Properties {
			if strings.HasSuffix(schema.Ref, "/Ignored") {
				names = append(names, name)
			}
		}
	}
	return names
}

func ignores(o operation) bool { return len(ignoredMembers(o)) > 0 }

// ignored gives all ignored members the value.
func ignored(value string) func(operation, *http.Request) {
	return func(o operation, req *http.Request) {
		text, _ := io.ReadAll(req.Body) // it is in memory
		for _, name := range ignoredMembers(o) {
			text = fmt.Appendf(nil, `{"%s": %s,%s`, name, value, bytes.TrimPrefix(text, []byte("{")))
		}
		text = bytes.ReplaceAll(text, []byte(",}"), []byte("}"))
		req.Body, req.ContentLength, req.GetBody = io.NopCloser(bytes.NewReader(text)), int64(len(text)), nil
	}
}

// lenient reports whether the document allows query parameters that it does not know.
func lenient(o operation) bool {
	yes, _ := o.Spec.Extensions["x-ignore-unknown-query"].(bool)
	return yes
}

func strict(o operation) bool { return !lenient(o) }

// encodeLetters encodes every octet that needs no encoding, with small and capital digits in turn.
func encodeLetters(path string) string {
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case c == '/':
			b.WriteByte(c)
		case i%2 == 0:
			fmt.Fprintf(&b, "%%%02x", c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// neither reports whether there is no ETag.
func neither(o operation) bool { return !changes(o) && !reads(o) }

// refusals are the variations that must be refused.
var refusals = map[string]variation{ //nolint:gochecknoglobals // a table
	// RFC 9110, section 13: a precondition holds for every method, whether or not the document names it.
	"IfNoneMatchAny": {applies: changes, edit: func(_ operation, req *http.Request) {
		req.Header.Del("If-Match")
		req.Header.Set("If-None-Match", "*")
	}, status: 412, problem: "stale"},
	"IfNoneMatchTheVersion": {applies: changes, edit: func(_ operation, req *http.Request) {
		req.Header.Set("If-Match", `"3", "4"`)
		req.Header.Set("If-None-Match", `W/"3"`)
	}, status: 412, problem: "stale"},
	"IfNoneMatchATag": {applies: changes, edit: func(_ operation, req *http.Request) {
		req.Header.Del("If-Match")
		req.Header.Set("If-None-Match", `"3"`)
	}, status: 412, problem: "stale"},
	"IfMatchAnother": {edit: header("If-Match", `"another"`), status: 412, problem: "stale"},
	"IfMatchWeak": {applies: func(o operation) bool { return !neither(o) }, edit: func(_ operation, req *http.Request) {
		req.Header.Del("If-None-Match")
		req.Header.Set("If-Match", `W/"1", W/"3"`)
	}, status: 412, problem: "stale"},
	"IfNoneMatchAnyThing": {applies: func(o operation) bool { return neither(o) && o.Method != http.MethodGet },
		edit: header("If-None-Match", "*"), status: 412, problem: "stale"},
	"IfNoneMatchAnyList": {applies: func(o operation) bool { return neither(o) && o.Method == http.MethodGet },
		edit: header("If-None-Match", "*"), status: 412, problem: "unsupported-condition"},
	// RFC 9110, sections 12.5.1, 12.5.3 and 15.5.16, and RFC 5789, section 2.2: what the body may be.
	"UnknownMediaType": {applies: hasBody, edit: header("Content-Type", "text/plain"),
		status: 415, problem: "unsupported-media-type", headers: map[string]func(operation) string{
			"Accept": mediaType, "Accept-Patch": patchType, "Accept-Encoding": none,
		}},
	"NoMediaType": {applies: hasBody, edit: func(_ operation, req *http.Request) { req.Header.Del("Content-Type") },
		status: 415, problem: "unsupported-media-type", headers: map[string]func(operation) string{
			"Accept": mediaType, "Accept-Patch": patchType, "Accept-Encoding": none,
		}},
	"CompressedBody": {applies: hasBody, edit: header("Content-Encoding", "gzip"),
		status: 415, problem: "unsupported-media-type", headers: map[string]func(operation) string{
			"Accept": none, "Accept-Patch": none, "Accept-Encoding": func(operation) string { return "identity" },
		}},
	// A strict operation names the parameter, and not only that the query cannot be parsed.
	"UnknownQuery": {applies: strict, edit: func(_ operation, req *http.Request) {
		req.URL.RawQuery += "&utm=100%&utm=a;b"
	}, status: 422, problem: "invalid"},
	"IfUnmodifiedSince": {edit: func(_ operation, req *http.Request) {
		req.Header.Del("If-Match")
		req.Header.Set("If-Unmodified-Since", "Tue, 01 Jan 2030 00:00:00 GMT")
	}, status: 412, problem: "unsupported-condition"},
}

// equivalents are the variations that must get the answer of the example request.
var equivalents = map[string]variation{ //nolint:gochecknoglobals // a table
	// A parameter that nobody reads cannot make a request fail, however it is written.
	"UnknownQuery": {applies: lenient, edit: func(_ operation, req *http.Request) {
		req.URL.RawQuery += "&utm=100%&utm=a;b&%zz=1&;&=&utm=%ff&utm=%00"
	}},
	// RFC 3986, section 6.2.2.2: an octet that needs no encoding may be encoded.
	"EncodedPath": {edit: func(_ operation, req *http.Request) {
		req.URL.RawPath = encodeLetters(req.URL.Path)
	}},
	"EncodedPathWithASlash": {edit: func(_ operation, req *http.Request) {
		req.URL.Path += "/"
		req.URL.RawPath = encodeLetters(req.URL.Path)
	}},
	// Members that the service sets itself may have any value.
	"IgnoredNullInAList": {applies: ignores, edit: ignored(`[null]`)},
	"IgnoredNulls":       {applies: ignores, edit: ignored(`[[null], {"a": [null], "b": {"c": null}}]`)},
	"IgnoredNull":        {applies: ignores, edit: ignored(`null`)},
	"IgnoredNumbers":     {applies: ignores, edit: ignored(`[1e300, -0, 123456789012345678901234567890]`)},
	// A comma in a quoted string separates nothing.
	"AcceptWithAQuotedComma":  {edit: header("Accept", `application/json;profile="a,b"`)},
	"AcceptAfterAQuotedComma": {edit: header("Accept", `text/html;title="x\",application/json;q=0,", application/json`)},
	"PreferWithAQuotedComma":  {edit: header("Prefer", `handling="a,wait=0", wait=5`)},
	"ContentTypeWithAQuotedComma": {applies: hasBody, edit: func(_ operation, req *http.Request) {
		req.Header.Set("Content-Type", req.Header.Get("Content-Type")+`; title="a,b;c"`)
	}},
	"ConditionsThatHold": {edit: func(o operation, req *http.Request) {
		req.Header.Set("If-Unmodified-Since", "Tue, 01 Jan 2030 00:00:00 GMT") // does not count beside If-Match
		req.Header.Set("If-Modified-Since", "Tue, 01 Jan 2030 00:00:00 GMT")   // no answer has a time of its last change
		req.Header.Set("If-None-Match", `"another"`)
		switch {
		case reads(o):
			req.Header.Set("If-Match", `"another", "1"`)
		case changes(o):
			req.Header.Set("If-Match", `"2", "3"`)
		default:
			req.Header.Set("If-Match", "*")
		}
	}},
}
