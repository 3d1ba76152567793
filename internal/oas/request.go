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

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/headerfield"
)

// middleware passes a request to the handler if the document allows it.
func (o *operation) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	next = o.ifMatch(next)
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

// serve checks the request, and passes it to the handler if it is valid.
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
	if req.Body != nil && req.Body != http.NoBody && !o.options.ExcludeRequestBody {
		if err := notEncoded(c); err != nil {
			return err
		}
		if req.ContentLength > o.cfg.MaxBody {
			return o.tooLarge()
		}
		req.Body = http.MaxBytesReader(c.Response().Writer, req.Body, o.cfg.MaxBody)
	}
	o.dropEmpty(req.URL)
	if err := o.check(in); err != nil {
		o.nameTypes(c, err)
		return err
	}
	if o.cfg.Available != nil {
		if err := o.cfg.Available(); err != nil {
			return err
		}
	}
	if err := o.conditions(req); err != nil {
		return err
	}
	return o.admit(c, next)
}

// check returns an error that lists all faults of the query, the header and the body.
func (o *operation) check(in *openapi3filter.RequestValidationInput) error {
	req := in.Request
	faults, err := o.queryFaults(req.URL)
	if err != nil {
		return err
	}
	faults = append(faults, o.headerFaults(req.Header)...)
	unlisted, done, err := o.lighten(req)
	if err != nil {
		return err
	}
	defer done()
	err = o.toError(openapi3filter.ValidateRequest(req.Context(), in), func() []apperr.FieldError {
		return append(faults, bodyFaults(req)...)
	})
	if e, ok := apperr.As(err); ok && e.Kind == apperr.Invalid {
		e.Unlisted = unlisted
	}
	return err
}

// acceptable returns an error unless the caller accepts a media type of the operation's answers (RFC 9110, section 12.5.1).
// The error is a problem, even if the caller does not accept problems.
func (o *operation) acceptable(accept []string) error {
	if strings.TrimSpace(strings.Join(accept, "")) == "" || len(o.accepts) == 0 {
		return nil
	}
	taken := map[string]bool{}
	for element := range headerfield.List(accept) {
		if !o.mayOffer(element) {
			continue // a list may have thousands of types, and to parse one takes a microsecond
		}
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
	return echo.NewHTTPError(http.StatusNotAcceptable, "The answer is available only as "+strings.Join(sorted(o.accepts), " or ")+".")
}

// mayOffer reports whether a media range can match a media type of the operation's answers.
func (o *operation) mayOffer(mediaRange string) bool {
	name, _, _ := strings.Cut(mediaRange, ";")
	major, minor, _ := strings.Cut(strings.TrimSpace(name), "/")
	return slices.ContainsFunc(o.accepts, func(offered string) bool {
		ownMajor, ownMinor, _ := strings.Cut(offered, "/")
		return (major == "*" || strings.EqualFold(major, ownMajor)) && (minor == "*" || strings.EqualFold(minor, ownMinor))
	})
}

// notEncoded refuses a compressed body. If the service decompressed it, a small request could become a large one. If the
// service read it as it is, the error would wrongly name the JSON.
func notEncoded(c echo.Context) error {
	for coding := range headerfield.List(c.Request().Header.Values("Content-Encoding")) {
		if !strings.EqualFold(coding, "identity") {
			c.Response().Header().Set("Accept-Encoding", "identity")
			return echo.NewHTTPError(http.StatusUnsupportedMediaType, "The body must not have a Content-Encoding.")
		}
	}
	return nil
}

// nameTypes tells the client which media types a body may have, if err refuses the one that it has (RFC 9110, section
// 15.5.16, and RFC 5789, section 2.2).
func (o *operation) nameTypes(c echo.Context, err error) {
	if he := (*echo.HTTPError)(nil); !errors.As(err, &he) || he.Code != http.StatusUnsupportedMediaType {
		return
	}
	types := strings.Join(bodyTypes(o.route.Operation), ", ")
	c.Response().Header().Set("Accept", types)
	if o.route.Method == http.MethodPatch {
		c.Response().Header().Set("Accept-Patch", types)
	}
}

func (o *operation) tooLarge() error {
	return echo.NewHTTPError(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is larger than the limit of %d bytes.", o.cfg.MaxBody))
}

// pathParams returns the decoded parameters of the path. A number has only one path: /7, but not /+7 or /07.
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
			return nil, notFound(errors.New("the path contains a character that no id contains"))
		}
		if n, err := strconv.ParseInt(value, 10, 64); o.numbers[name] && (err != nil || strconv.FormatInt(n, 10) != value) {
			return nil, notFound(fmt.Errorf("%q is not an id", value))
		}
		params[name] = value
	}
	return params, nil
}

func notFound(cause error) error {
	return apperr.New(apperr.NotFound, "Nothing exists at this path.").Because(cause)
}

func sorted(list []string) []string {
	list = append([]string(nil), list...)
	sort.Strings(list)
	return list
}

// decode reads JSON that has been checked. It keeps numbers in their original form.
func decode(r io.Reader) (any, error) {
	d := json.NewDecoder(r)
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}
