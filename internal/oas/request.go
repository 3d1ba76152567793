package oas

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
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

// middleware lets a request through to the handler when the document allows it.
func (o *operation) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		req := c.Request()
		if p, ok := req.Context().Value(probeKey{}).(*probe); ok {
			p.seen = o.id
			return nil
		}
		in := &openapi3filter.RequestValidationInput{Request: req, Route: o.route, Options: o.options}
		if o.cfg.OnResponse == nil {
			return o.serve(c, in, next)
		}
		return o.checkResponse(c, in, func(c echo.Context) error { return o.serve(c, in, next) })
	}
}

// serve hands the request to the handler when it is what the document describes.
func (o *operation) serve(c echo.Context, in *openapi3filter.RequestValidationInput, next echo.HandlerFunc) error {
	req := in.Request
	params, err := o.pathParams(c)
	if err != nil {
		return err
	}
	in.PathParams = params
	if o.refuses {
		if err := o.toError(openapi3filter.ValidateRequest(req.Context(), in), nil); err != nil {
			return err
		}
		return next(c)
	}
	if err := o.acceptable(req.Header.Values("Accept")); err != nil {
		return err
	}
	if req.Body != nil && req.Body != http.NoBody {
		if err := o.notEncoded(req.Header); err != nil {
			return err
		}
		if req.ContentLength > o.cfg.MaxBody {
			return o.tooLarge()
		}
		req.Body = http.MaxBytesReader(c.Response().Writer, req.Body, o.cfg.MaxBody)
	}
	faults, err := o.queryFaults(req.URL)
	if err != nil {
		return err
	}
	faults = append(faults, o.headerFaults(req.Header)...)
	if err := o.toError(openapi3filter.ValidateRequest(req.Context(), in), func() []apperr.FieldError {
		return append(faults, bodyFaults(req)...)
	}); err != nil {
		return err
	}
	if o.cfg.Available != nil {
		if err := o.cfg.Available(); err != nil {
			return err
		}
	}
	return next(c)
}

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

// acceptable says whether the caller takes what the operation answers with (RFC 9110, section 12.5.1). A caller that
// takes no problem is answered with one all the same.
func (o *operation) acceptable(accept []string) error {
	list := strings.Join(accept, ",")
	if strings.TrimSpace(list) == "" || len(o.accepts) == 0 {
		return nil
	}
	taken := map[string]bool{}
	for element := range strings.SplitSeq(list, ",") {
		if mediaRange, params, err := mime.ParseMediaType(element); err == nil {
			quality, err := strconv.ParseFloat(params["q"], 64)
			taken[mediaRange] = taken[mediaRange] || err != nil || quality > 0
		}
	}
	for _, offered := range o.accepts {
		major, _, _ := strings.Cut(offered, "/")
		for _, mediaRange := range []string{offered, major + "/*", "*/*"} { // the most specific one decides
			if yes, named := taken[mediaRange]; yes {
				return nil
			} else if named {
				break
			}
		}
	}
	return echo.NewHTTPError(http.StatusNotAcceptable, "The answer is to be had as "+strings.Join(sorted(o.accepts), " or ")+".")
}

// notEncoded refuses a compressed body by what it is: decompressing it would let a small request become a large one, and
// reading it as it stands would blame the JSON.
func (o *operation) notEncoded(header http.Header) error {
	for _, coding := range header.Values("Content-Encoding") {
		if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
			return echo.NewHTTPError(http.StatusUnsupportedMediaType, "The body has to come without Content-Encoding.")
		}
	}
	return nil
}

func (o *operation) tooLarge() error {
	return echo.NewHTTPError(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body may have %d bytes at most.", o.cfg.MaxBody))
}

// pathParams returns the path's parameters, decoded. A number has one path: /7, not /+7 or /07.
func (o *operation) pathParams(c echo.Context) (map[string]string, error) {
	names, values := c.ParamNames(), c.ParamValues()
	if len(names) == 0 {
		return nil, nil
	}
	params := make(map[string]string, len(names))
	for i, name := range names {
		value := values[i]
		if c.Request().URL.RawPath != "" {
			unescaped, err := url.PathUnescape(value)
			if err != nil {
				return nil, notFound(err)
			}
			value = unescaped
		}
		if !storable(value) {
			return nil, notFound(errors.New("the path holds what no id holds"))
		}
		if n, err := strconv.ParseInt(value, 10, 64); o.numbers[name] && (err != nil || strconv.FormatInt(n, 10) != value) {
			return nil, notFound(fmt.Errorf("%q is no id", value))
		}
		params[name] = value
	}
	return params, nil
}

func notFound(cause error) error {
	return apperr.New(apperr.NotFound, "There is no such thing.").Because(cause)
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

func (o *operation) bodyTypes() []string {
	var types []string
	for mediaType := range o.route.Operation.RequestBody.Value.Content {
		types = append(types, mediaType)
	}
	return sorted(types)
}

func sorted(list []string) []string {
	list = append([]string(nil), list...)
	sort.Strings(list)
	return list
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

// decode reads JSON that has been checked, keeping numbers as they were written.
func decode(r io.Reader) (any, error) {
	d := json.NewDecoder(r)
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}
