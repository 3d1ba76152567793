package oas

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// A body of 64 KiB can have thousands of members and values. To decode them into Go values and to compare them with the schema took
// 10 ms of CPU time and more, in which all other requests waited. So a large body is read once, cheaply. Only the members that
// count are then decoded and checked.

const (
	// largeBody is the number of bytes from which on a body is large. The check of a smaller one takes less than a millisecond.
	largeBody = 4 << 10
	// mostUnknown is how many unknown members of a large body are checked. The others are only counted. A problem lists at most as
	// many faults.
	mostUnknown = 50
)

// members are the members that a body may have.
type members map[string]memberKind

type memberKind int

const (
	unknown memberKind = iota
	checked
	ignored // any value is valid
)

// membersOf returns the members for each media type of a body whose schema lists all of them.
func membersOf(body *openapi3.RequestBody) map[*openapi3.MediaType]members {
	all := map[*openapi3.MediaType]members{}
	for _, media := range body.Content {
		if media.Schema == nil {
			continue
		}
		s := media.Schema.Value
		closed := s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has
		if !closed || !s.Type.Is(openapi3.TypeObject) || len(s.AllOf)+len(s.AnyOf)+len(s.OneOf) > 0 || s.Not != nil {
			continue
		}
		all[media] = members{}
		for name, property := range s.Properties {
			all[media][name] = checked
			if allowsAny(property.Value) {
				all[media][name] = ignored
			}
		}
	}
	return all
}

// allowsAny reports whether any value is valid, after allowNull: it is valid in one of the alternatives, whatever its type is.
func allowsAny(s *openapi3.Schema) bool {
	rest := *s
	rest.Nullable, rest.AnyOf = false, nil
	if !rest.IsEmpty() {
		return false
	}
	null, left := s.Nullable, map[string]bool{"string": true, "number": true, "boolean": true, "array": true, "object": true}
	for _, alternative := range s.AnyOf {
		one := *alternative.Value
		null = null || one.Nullable
		if items := one.Items; items != nil && allowsAny(items.Value) {
			one.Items = nil
		}
		one.Type, one.Nullable = nil, false
		if one.IsEmpty() && alternative.Value.Type != nil {
			for _, name := range *alternative.Value.Type {
				delete(left, name)
			}
		}
	}
	return null && (len(s.AnyOf) == 0 || len(left) == 0)
}

// lighten prepares a request with a large body for its check. The check reads a body without the values that do not matter, and
// unlisted is the number of faults that it does not see. done ends the check, and gives the request its whole body again.
func (o *operation) lighten(req *http.Request) (unlisted int, done func(), err error) {
	if req.Body == nil || req.Body == http.NoBody || o.options.ExcludeRequestBody || req.ContentLength >= 0 && req.ContentLength < largeBody {
		return 0, func() {}, nil
	}
	text, err := io.ReadAll(req.Body)
	if err != nil || len(text) < largeBody {
		// The check reads the same again, with the same error.
		req.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(text), req.Body), req.Body}
		return 0, func() {}, nil //nolint:nilerr // see above
	}
	leave := func() {}
	if o.cfg.AdmitLarge != nil {
		if leave, err = o.cfg.AdmitLarge(req.Context(), o.class); err != nil {
			return 0, nil, err
		}
	}
	light := text
	if known := o.bodies[o.route.Operation.RequestBody.Value.Content.Get(req.Header.Get("Content-Type"))]; known != nil {
		light, unlisted = known.lighten(text)
	}
	req.Body = io.NopCloser(bytes.NewReader(light))
	return unlisted, func() {
		leave()
		req.Body = io.NopCloser(bytes.NewReader(text))
	}, nil
}

// lighten returns a text that has the same faults as text, except for unknown members beyond mostUnknown, which are counted. A
// text that is not an object without repeated members is returned as it is.
func (m members) lighten(text []byte) (light []byte, unlisted int) {
	light = []byte{'{'}
	add := func(name, value []byte) {
		if len(light) > 1 {
			light = append(light, ',')
		}
		quoted, _ := json.Marshal(string(name)) // a string can always be encoded
		light = append(append(append(light, quoted...), ':'), value...)
	}
	searchNUL, others := bytes.Contains(text, escapedNUL), 0
	err := strictjson.Members(text, func(name, raw []byte) {
		switch m[string(name)] {
		case unknown:
			if others++; others <= mostUnknown {
				add(name, []byte("null"))
			}
		case ignored:
			if searchNUL && bytes.Contains(raw, escapedNUL) {
				add(name, raw)
			} else {
				add(name, []byte("null"))
			}
		case checked:
			add(name, raw)
		}
	})
	if err != nil {
		return text, 0
	}
	return append(light, '}'), max(0, others-mostUnknown)
}
