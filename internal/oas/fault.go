package oas

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/apperr"
)

// bodyFaults finds "\u0000" in the texts of a body, which PostgreSQL cannot store (H15 NUL in a text). The body has been read
// and parsed. It does not have to be valid.
func bodyFaults(req *http.Request) (faults []apperr.FieldError) {
	var value any
	if validated, ok := req.Body.(interface{ ValidatedValue() any }); ok {
		value = validated.ValidatedValue()
	} else if req.GetBody != nil { // the body was not valid, and is kept unchanged
		value = decodeWithNUL(req.GetBody)
	}
	if holdsNUL(value) {
		findNUL("", value, &faults)
	}
	return faults
}

// escapedNUL is how a JSON text contains NUL. It may also be a part of the longer escape of a backslash.
var escapedNUL = []byte(`\u0000`) //nolint:gochecknoglobals // a constant

// decodeWithNUL decodes a body that may contain NUL. It returns nil for any other body: that would be work for nothing.
func decodeWithNUL(get func() (io.ReadCloser, error)) any {
	body, err := get()
	if err != nil {
		return nil
	}
	text, err := io.ReadAll(body)
	if err != nil || !bytes.Contains(text, escapedNUL) {
		return nil
	}
	value, _ := decode(bytes.NewReader(text)) // a body that cannot be decoded has no texts
	return value
}

func holdsNUL(value any) bool {
	switch v := value.(type) {
	case string:
		return !storable(v)
	case []any:
		return slices.ContainsFunc(v, holdsNUL)
	case map[string]any:
		for _, member := range v {
			if holdsNUL(member) {
				return true
			}
		}
	}
	return false
}

// findNUL adds a fault for each text that contains a NUL character.
func findNUL(at string, value any, faults *[]apperr.FieldError) {
	switch v := value.(type) {
	case string:
		if !storable(v) {
			*faults = append(*faults, apperr.FieldError{Pointer: at, Detail: "contains a NUL character"})
		}
	case []any:
		for i, item := range v {
			findNUL(fmt.Sprint(at, "/", i), item, faults)
		}
	case map[string]any:
		for name, member := range v {
			findNUL(at+"/"+escape(name), member, faults)
		}
	}
}

// cursor is the only parameter whose text is checked by its reader: every broken cursor is 400.
const cursor = "cursor"

// queryFaults finds the faults that the schemas of the document do not cover: parameters that the operation does not know
// (most of them are typos), parameters that are given twice, and texts that PostgreSQL cannot store. It fails for a
// parameter that cannot be decoded, if the operation reads it.
func (o *operation) queryFaults(u *url.URL) (faults []apperr.FieldError, err error) {
	given := map[string]bool{} // whether it has been reported
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		if pair == "" {
			continue
		}
		name, value, err := decodePair(pair)
		fault := apperr.FieldError{Pointer: "/query/" + escape(name)}
		reported, again := given[name]
		switch {
		case reported:
			continue
		case !o.query[name] && o.lenient:
		case !o.query[name]:
			fault.Detail = "is unknown"
		case err != nil:
			fault.Detail = "cannot be decoded"
			return nil, &apperr.Error{Kind: apperr.Malformed, Detail: "The query cannot be parsed.", Fields: []apperr.FieldError{fault}}
		case again:
			fault.Detail = "is given more than once"
		case !storable(value) && name != cursor:
			fault.Detail = "contains a NUL character or is not UTF-8"
		}
		if given[name] = fault.Detail != ""; given[name] {
			faults = append(faults, fault)
		}
	}
	return faults, nil
}

// dropEmpty removes the parameters for which an empty value means none, if they have an empty value.
func (o *operation) dropEmpty(u *url.URL) {
	if len(o.empties) == 0 || u.RawQuery == "" {
		return
	}
	pairs := strings.Split(u.RawQuery, "&")
	u.RawQuery = strings.Join(slices.DeleteFunc(pairs, func(pair string) bool {
		name, value, err := decodePair(pair)
		return err == nil && value == "" && o.empties[name]
	}), "&")
}

// decodePair decodes a part of a query. A name that cannot be decoded is returned as it is.
func decodePair(pair string) (name, value string, err error) {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	if name, err = url.QueryUnescape(rawName); err != nil {
		return rawName, rawValue, err
	}
	value, err = url.QueryUnescape(rawValue)
	return name, value, err
}

// headerFaults finds parameters that are given twice: the service cannot know which one was meant.
func (o *operation) headerFaults(header http.Header) (faults []apperr.FieldError) {
	for _, name := range o.headers {
		if len(header.Values(name)) > 1 {
			faults = append(faults, apperr.FieldError{Pointer: "/header/" + escape(name), Detail: "is given more than once"})
		}
	}
	return faults
}

// storable reports whether PostgreSQL can store the text.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// toError combines the faults in err into one error. If the request can be parsed, it also adds the faults that more
// returns. If the path has a fault, the entity does not exist. Then the rest of the request does not matter.
func (o *operation) toError(err error, more func() []apperr.FieldError) error {
	var faults []apperr.FieldError
	for _, e := range flatten(err) {
		var req *openapi3filter.RequestError
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(e, &tooLarge):
			return o.tooLarge()
		case !errors.As(e, &req):
			return apperr.New(apperr.Malformed, "The request cannot be parsed.").Because(e)
		case errors.Is(e, os.ErrDeadlineExceeded):
			return echo.NewHTTPError(http.StatusRequestTimeout, "The body did not arrive in time.").SetInternal(e)
		case req.Parameter != nil && req.Parameter.In == openapi3.ParameterInPath:
			return notFound(e)
		case req.Parameter != nil:
			faults = append(faults, details("/"+req.Parameter.In+"/"+escape(req.Parameter.Name), req.Err, req.Reason)...)
		case strings.HasPrefix(req.Reason, "header Content-Type"):
			return echo.NewHTTPError(http.StatusUnsupportedMediaType, "The body must be "+strings.Join(bodyTypes(o.route.Operation), " or ")+".")
		case unreadable(req):
			return apperr.New(apperr.Malformed, "The body cannot be parsed: "+cause(req)+".").Because(e)
		default:
			faults = append(faults, details("", req.Err, req.Reason)...)
		}
	}
	if more != nil {
		faults = append(faults, more()...)
	}
	sort.SliceStable(faults, func(i, j int) bool { return faults[i].Pointer < faults[j].Pointer })
	return apperr.InvalidFields("The request is not valid.", faults...)
}

// flatten returns the faults that the library found. The library nests lists if there are several faults.
func flatten(err error) []error {
	var list openapi3.MultiError
	if err == nil {
		return nil
	}
	if req := (*openapi3filter.RequestError)(nil); !errors.As(err, &req) || !errors.As(err, &list) {
		return []error{err}
	}
	if multi, ok := err.(openapi3.MultiError); ok { //nolint:errorlint // only a list at the top holds several requests' errors
		return multi
	}
	return []error{err}
}

func unreadable(req *openapi3filter.RequestError) bool {
	var parse *openapi3filter.ParseError
	return errors.As(req.Err, &parse) || errors.Is(req.Err, openapi3filter.ErrInvalidRequired) ||
		req.Reason == "reading failed" || req.Reason == "failed to decode request body"
}

// cause returns in words why a body cannot be parsed.
func cause(req *openapi3filter.RequestError) string {
	if errors.Is(req.Err, openapi3filter.ErrInvalidRequired) {
		return "it is empty"
	}
	var parse *openapi3filter.ParseError
	if errors.As(req.Err, &parse) {
		return parse.RootCause().Error()
	}
	return "it ended too early"
}

// details returns the faults inside one value, each with its pointer. The extension x-fault of a schema has the message for
// a text that does not match the schema's pattern.
func details(at string, err error, reason string) []apperr.FieldError {
	switch e := err.(type) { //nolint:errorlint // the library nests these types themselves, and wraps none
	case nil:
		return []apperr.FieldError{{Pointer: at, Detail: reason}}
	case openapi3.MultiError:
		var all []apperr.FieldError
		for _, one := range e {
			all = append(all, details(at, one, reason)...)
		}
		return all
	case *openapi3.SchemaError:
		if inner, ok := e.Origin.(openapi3.MultiError); ok && len(inner) > 0 { //nolint:errorlint // as above
			return details(at, inner, reason)
		}
		for _, segment := range e.JSONPointer() {
			at += "/" + escape(segment)
		}
		if e.SchemaField == "required" && strings.Contains(e.Reason, " is missing") {
			return []apperr.FieldError{{Pointer: at, Detail: "is missing"}}
		}
		if name, ok := unknownMember(e.Reason); ok {
			return []apperr.FieldError{{Pointer: at + "/" + escape(name), Detail: "is unknown"}}
		}
		if words, ok := e.Schema.Extensions["x-fault"].(string); ok && e.SchemaField == "pattern" {
			return []apperr.FieldError{{Pointer: at, Detail: words}}
		}
		return []apperr.FieldError{{Pointer: at, Detail: e.Reason}}
	case *openapi3filter.ParseError:
		return []apperr.FieldError{{Pointer: at, Detail: e.Error()}}
	default:
		return []apperr.FieldError{{Pointer: at, Detail: err.Error()}}
	}
}

// unknownMember returns the name of a member that the schema does not have. It takes the name from the library's message,
// because the library's pointer leads only to the object.
func unknownMember(reason string) (name string, ok bool) {
	quoted, ok := strings.CutPrefix(reason, "property ")
	if !ok {
		return "", false
	}
	if quoted, ok = strings.CutSuffix(quoted, " is unsupported"); !ok {
		return "", false
	}
	name, err := strconv.Unquote(quoted)
	return name, err == nil
}

// escape encodes a name as a part of a JSON pointer (RFC 6901, section 3).
func escape(name string) string { return pointerEscapes.Replace(name) }

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1") //nolint:gochecknoglobals // a table, which is built only once
