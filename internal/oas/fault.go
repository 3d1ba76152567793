package oas

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
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

// bodyFaults finds "\u0000" in a body's texts, which PostgreSQL cannot store (H15), in a body that has been read and
// could be parsed, valid or not.
func bodyFaults(req *http.Request) (faults []apperr.FieldError) {
	var value any
	if validated, ok := req.Body.(interface{ ValidatedValue() any }); ok {
		value = validated.ValidatedValue()
	} else if req.GetBody != nil { // it was not valid, and is kept as it came
		if body, err := req.GetBody(); err == nil {
			value, _ = decode(body) // what cannot be decoded has no texts
		}
	}
	if holdsNUL(value) {
		findNUL("", value, &faults)
	}
	return faults
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

// findNUL lists the pointers of the texts that hold one.
func findNUL(at string, value any, faults *[]apperr.FieldError) {
	switch v := value.(type) {
	case string:
		if !storable(v) {
			*faults = append(*faults, apperr.FieldError{Pointer: at, Detail: "holds a NUL character"})
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

// cursor is the one parameter whose text is judged by whoever reads it: any that is broken is 400.
const cursor = "cursor"

// queryFaults finds what the document's schemas do not look at: names that the operation does not know, which are more
// often a typing error than meant to be ignored, names given twice, and texts that PostgreSQL cannot take.
func (o *operation) queryFaults(u *url.URL) ([]apperr.FieldError, error) {
	if u.RawQuery == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, apperr.New(apperr.Malformed, "The query cannot be read.").Because(err)
	}
	var faults []apperr.FieldError
	for name, list := range values {
		switch {
		case !o.query[name] && o.lenient:
		case !o.query[name]:
			faults = append(faults, apperr.FieldError{Pointer: "/query/" + escape(name), Detail: "is not known here"})
		case len(list) > 1:
			faults = append(faults, apperr.FieldError{Pointer: "/query/" + escape(name), Detail: "is given more than once"})
		case !storable(list[0]) && name != cursor:
			faults = append(faults, apperr.FieldError{Pointer: "/query/" + escape(name), Detail: "holds a NUL character or is not UTF-8"})
		}
	}
	return faults, nil
}

// headerFaults finds parameters given twice: which one was meant?
func (o *operation) headerFaults(header http.Header) (faults []apperr.FieldError) {
	for _, name := range o.headers {
		if len(header.Values(name)) > 1 {
			faults = append(faults, apperr.FieldError{Pointer: "/header/" + escape(name), Detail: "is given more than once"})
		}
	}
	return faults
}

// storable says whether PostgreSQL can hold the text.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// toError gathers what was found into one error, and asks for more faults once the request could be read. Faults of the
// path come first: what does not exist cannot be asked wrongly.
func (o *operation) toError(err error, more func() []apperr.FieldError) error {
	var faults []apperr.FieldError
	for _, e := range flatten(err) {
		var req *openapi3filter.RequestError
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(e, &tooLarge):
			return o.tooLarge()
		case !errors.As(e, &req):
			return apperr.New(apperr.Malformed, "The request cannot be read.").Because(e)
		case req.Parameter != nil && req.Parameter.In == openapi3.ParameterInPath:
			return notFound(e)
		case req.Parameter != nil:
			faults = append(faults, details("/"+req.Parameter.In+"/"+escape(req.Parameter.Name), req.Err, req.Reason)...)
		case strings.HasPrefix(req.Reason, "header Content-Type"):
			return echo.NewHTTPError(http.StatusUnsupportedMediaType, "The body has to be "+strings.Join(o.bodyTypes(), " or ")+".")
		case unreadable(req):
			return apperr.New(apperr.Malformed, "The body cannot be read: "+cause(req)+".").Because(e)
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

// flatten lists what the library found, which nests lists when there are several faults.
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

// cause says in words why a body cannot be read.
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

// details lists the faults inside one value, each with its pointer. A schema says by its extension x-fault, in words, what
// a text that does not match its pattern should be.
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
			return []apperr.FieldError{{Pointer: at + "/" + escape(name), Detail: "is not known here"}}
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

// unknownMember takes the name out of the library's words for a member that the schema does not have; its pointer leads
// to the object alone.
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

// escape makes a name a part of a JSON pointer (RFC 6901, section 3).
func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }
