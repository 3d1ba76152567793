package documented

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

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

func isList(o operation) bool { return o.lists(openapi3.ParameterInQuery, "cursor") }

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
		req.URL.Path += "/"
		req.URL.RawPath = encodeLetters(req.URL.Path)
	}},
	// For old clients, an empty value is no filter, as for a form that nobody has filled in.
	"EmptyFilters": {applies: func(o operation) bool { return lenient(o) && isList(o) }, edit: func(o operation, req *http.Request) {
		query := req.URL.Query()
		for _, p := range o.Operation.Parameters {
			query.Set(p.Value.Name, "")
		}
		req.URL.RawQuery = query.Encode()
	}},
	"EmptyCursor": {applies: isList, edit: func(_ operation, req *http.Request) { req.URL.RawQuery += "&cursor=" }},
	"UnreadBody": {applies: func(o operation) bool { return lenient(o) && !hasBody(o) }, edit: func(_ operation, req *http.Request) {
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader(`{"id": 17}`)), 10
		req.Header.Set("Content-Type", "application/json")
	}},
	"QuotedKey": {applies: func(o operation) bool { return o.lists(openapi3.ParameterInHeader, "Idempotency-Key") }, again: true,
		edit: func(_ operation, req *http.Request) {
			req.Header.Set("Idempotency-Key", `"`+req.Header.Get("Idempotency-Key")+`"`)
		}},
	// Members that the service sets itself may have any value.
	"IgnoredMembers": {applies: ignores, edit: ignored(`[null, [[null]], {"a": [null]}, 1e300, -0, 123456789012345678901234567890]`)},
	// A comma in a quoted string separates nothing.
	"QuotedCommas": {edit: func(_ operation, req *http.Request) {
		req.Header.Set("Accept", `text/html;title="x\",application/json;q=0,", application/json;profile="a,b"`)
		req.Header.Set("Prefer", `handling="a,wait=0", wait=5`)
		if mediaType := req.Header.Get("Content-Type"); mediaType != "" {
			req.Header.Set("Content-Type", mediaType+`; title="a,b;c"`)
		}
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
