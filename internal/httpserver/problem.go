package httpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/apperr"
)

// ProblemBase is what every problem's type begins with; docs/problems.md lists the names behind it.
const ProblemBase = "https://monsplit.github.io/problems/"

// Problem is an error answer (RFC 9457).
type Problem struct {
	Type      string         `json:"type"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail,omitempty"`
	Instance  string         `json:"instance,omitempty"`   // the request's path
	RequestID string         `json:"request_id,omitempty"` // as in X-Request-Id and the log
	Errors    []ProblemField `json:"errors,omitempty"`
}

// ProblemField is one fault of the input.
type ProblemField struct {
	Pointer string `json:"pointer"` // RFC 6901, into the body; or /query/NAME, /header/NAME
	Detail  string `json:"detail"`
}

// statusOf is the one place where an error's kind becomes a status.
func statusOf(kind apperr.Kind) int {
	switch kind {
	case apperr.Malformed:
		return http.StatusBadRequest
	case apperr.NotFound:
		return http.StatusNotFound
	case apperr.Conflict, apperr.InProgress:
		return http.StatusConflict
	case apperr.Stale:
		return http.StatusPreconditionFailed
	case apperr.Invalid:
		return http.StatusUnprocessableEntity
	case apperr.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// nameOf names the problems that HTTP itself knows and business code does not.
func nameOf(status int) string {
	switch status {
	case http.StatusNotFound:
		return string(apperr.NotFound)
	case http.StatusMethodNotAllowed:
		return "method-not-allowed"
	case http.StatusNotAcceptable:
		return "not-acceptable"
	case http.StatusRequestEntityTooLarge:
		return "too-large"
	case http.StatusUnsupportedMediaType:
		return "unsupported-media-type"
	default:
		return string(apperr.Malformed)
	}
}

// toProblem says what the caller is told of err, and whether it is a fault of ours.
func toProblem(err error) (p Problem, ours bool) {
	if e, ok := apperr.As(err); ok && e.Kind != apperr.Internal {
		status := statusOf(e.Kind)
		p = Problem{Type: ProblemBase + e.Name(), Title: http.StatusText(status), Status: status, Detail: e.Detail}
		for _, f := range e.Fields {
			p.Errors = append(p.Errors, ProblemField(f))
		}
		return p, false
	}
	if he := (*echo.HTTPError)(nil); errors.As(err, &he) && he.Code < 500 {
		detail, _ := he.Message.(string)
		return Problem{Type: ProblemBase + nameOf(he.Code), Title: http.StatusText(he.Code), Status: he.Code, Detail: detail}, false
	}
	const status = http.StatusInternalServerError
	return Problem{Type: ProblemBase + string(apperr.Internal), Title: http.StatusText(status), Status: status,
		Detail: "Something is wrong on our side; the request id leads to it in our log."}, true
}

// handleError is Echo's HTTPErrorHandler: it answers with a problem, and tells the log what the caller is not told.
func handleError(log *slog.Logger) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if errors.Is(err, echo.ErrMethodNotAllowed) && deeperThanItsRoute(c) {
			err = echo.ErrNotFound
		}
		err = inWords(c.Request().Context(), err)
		p, ours := toProblem(err)
		record(c.Request().Context(), log, c, err, p.Status, ours)
		if c.Response().Committed {
			// The answer has begun and cannot become a problem; cutting the connection is how the client notices.
			panic(http.ErrAbortHandler)
		}
		switch p.Status {
		case http.StatusNotFound:
			c.Response().Header().Del(echo.HeaderAllow)
		case http.StatusMethodNotAllowed:
			allowed := withHead(c.Response().Header().Get(echo.HeaderAllow))
			c.Response().Header().Set(echo.HeaderAllow, allowed)
			p.Detail = "Allowed here: " + allowed + "."
		}
		p.Instance, p.RequestID = c.Request().URL.EscapedPath(), requestID(c)
		write(c, p, apperr.KindOf(err))
	}
}

// record counts a failure, and logs what somebody may have to look into.
func record(ctx context.Context, log *slog.Logger, c echo.Context, err error, status int, ours bool) {
	c.Set(countedKey, status)
	attrs := []any{"request_id", requestID(c), "method", methodOf(c.Request()), "route", c.Path(), "error", err}
	switch {
	case errors.Is(err, errClientGone):
		c.Set(countedKey, statusClientGone)
	case c.Response().Committed:
		log.WarnContext(ctx, "answer cut off", attrs...)
	case ours:
		log.ErrorContext(ctx, "request failed", attrs...)
	case status == http.StatusServiceUnavailable:
		log.WarnContext(ctx, "request could not be served", attrs...)
	}
}

// statusClientGone is what is counted where the client went away, or did not take its answer in time, and so nothing is
// wrong with us. It is never sent. The number is nginx's.
const statusClientGone = 499

// countedKey is under which an Echo context holds the status for the log and the metrics, where that is not the answer's:
// a stream that was cut off has begun as 200.
const countedKey = "counted status"

func countedStatus(c echo.Context) int {
	if status, ok := c.Get(countedKey).(int); ok {
		return status
	}
	return c.Response().Status
}

// errClientGone is what goes wrong with a client that does not wait for its answer.
var errClientGone = errors.New("the client is gone")

// inWords says why a request's context ended, where that is what err comes from. An error that the caller is to be blamed
// for stays what it is: net/http ends the context at any failed read, as of a body that is too short.
func inWords(ctx context.Context, err error) error {
	e, known := apperr.As(err)
	unavailable := known && e.Kind == apperr.Unavailable
	if ctx.Err() == nil || !unavailable && (known || !errors.Is(err, context.Canceled)) {
		return err
	}
	if errors.Is(context.Cause(ctx), errTooSlow) {
		if unavailable {
			return err // and its detail says more
		}
		return apperr.New(apperr.Unavailable, "The database took too long to answer; a change may have happened.").Because(err)
	}
	return apperr.New(apperr.Unavailable, "The request was given up.").Because(fmt.Errorf("%w: %w", errClientGone, err))
}

// deeperThanItsRoute says whether the path goes on behind the route that was found: Echo takes the rest of a path for its
// last parameter when no route of the method fits.
func deeperThanItsRoute(c echo.Context) bool {
	return strings.Count(c.Request().URL.EscapedPath(), "/") > strings.Count(c.Path(), "/")
}

// withHead names HEAD beside GET: the router does not know that it is answered too.
func withHead(allowed string) string { return strings.Replace(allowed, "GET", "GET, HEAD", 1) }

func write(c echo.Context, p Problem, kind apperr.Kind) {
	header := c.Response().Header()
	switch {
	case p.Status == http.StatusServiceUnavailable:
		header.Set("Retry-After", "2")
	case kind == apperr.InProgress:
		header.Set("Retry-After", "1")
	}
	header.Del("ETag")
	header.Set("Cache-Control", "no-store")
	text, err := json.Marshal(p)
	if err != nil {
		panic("a problem cannot be encoded: " + err.Error())
	}
	_ = c.Blob(p.Status, "application/problem+json", append(text, '\n')) // a client that is gone
}
