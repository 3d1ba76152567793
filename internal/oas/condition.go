package oas

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/headerfield"
)

// No operation ignores a precondition (RFC 9110, section 13), whether or not its document names the header. The handlers of
// operations that change an entity evaluate If-Match, in the transaction of the change. The handlers that read one evaluate
// If-None-Match. The rest is here:
//
//   - If-None-Match of a change is expressed by If-Match.
//   - If-Match of a read is compared with the ETag of the answer.
//   - If-Match and If-None-Match of an operation without an ETag are compared with nothing.
//   - If-Unmodified-Since is refused. A second is too long to tell two versions apart.
//
// If-Modified-Since has no effect, as section 13.1.3 requires for what has no time of its last change. If-Range belongs to
// Range, which the services do not support.

// noTag is an entity tag that no entity has.
const noTag = `""`

// conditions evaluates the preconditions that do not need the entity, and rewrites those that the handler does not know.
func (o *operation) conditions(req *http.Request) error {
	match, noneMatch := joined(req.Header, "If-Match"), joined(req.Header, "If-None-Match")
	switch {
	case match == "" && req.Header.Get("If-Unmodified-Since") != "": // beside If-Match it does not count (section 13.1.4)
		return unsupported("The time of the last change is no precondition here. Use If-Match with the ETag.")
	case o.changes && noneMatch != "":
		req.Header.Set("If-Match", excluding(match, noneMatch))
	case o.changes || o.reads:
	case match != "" && match != "*":
		return apperr.New(apperr.Stale, "This resource has no ETag. So no tag in If-Match is the current one.")
	case noneMatch == "*" && req.Method == http.MethodGet:
		return unsupported("This resource has no ETag, which If-None-Match needs.")
	case noneMatch == "*":
		return apperr.New(apperr.Stale, "This resource exists.")
	}
	return nil
}

func joined(header http.Header, name string) string {
	return strings.TrimSpace(strings.Join(header.Values(name), ", "))
}

func unsupported(detail string) error {
	return apperr.Coded(apperr.Stale, "unsupported-condition", detail)
}

// excluding returns the If-Match that stands for both headers of a change. Without a list of tags in If-Match, it matches
// nothing: an entity that exists does not fulfill "If-None-Match: *", and "every version except for some" is not supported.
func excluding(match, noneMatch string) string {
	if match == "" || match == "*" || noneMatch == "*" {
		return noTag
	}
	excluded := map[string]bool{} // both lists may have thousands of tags
	for tag := range headerfield.Tags(noneMatch) {
		excluded[strings.TrimPrefix(tag, "W/")] = true
	}
	var left []string
	for tag := range headerfield.Tags(match) {
		if !excluded[tag] {
			left = append(left, tag)
		}
	}
	if left == nil {
		return noTag
	}
	return strings.Join(left, ", ")
}

// ifMatch runs the handler of a read. If the request has If-Match, the answer is sent only if its ETag matches.
func (o *operation) ifMatch(next echo.HandlerFunc) echo.HandlerFunc {
	if !o.reads {
		return next
	}
	return func(c echo.Context) error {
		match := joined(c.Request().Header, "If-Match")
		if match == "" || match == "*" {
			return next(c)
		}
		res := c.Response()
		before := maps.Clone(res.Header())
		h, err := hold(res, func() error { return next(c) })
		if err != nil {
			return err
		}
		if h.status < http.StatusBadRequest && !slices.Contains(slices.Collect(headerfield.Tags(match)), res.Header().Get("ETag")) {
			clear(res.Header())
			maps.Copy(res.Header(), before)
			res.Committed, res.Status, res.Size = false, 0, 0
			return apperr.New(apperr.Stale, "The version of this resource is not one of those in If-Match.")
		}
		return h.send()
	}
}
