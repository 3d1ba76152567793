package httpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/apperr"
)

// ProblemBase is the beginning of every problem's type. A name from docs/problems.md follows it.
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

	unlisted int // faults that are not in Errors
}

// NewProblem returns the problem with a name. Its title is the text of the status.
func NewProblem(status int, name, detail string) *Problem {
	return &Problem{Type: ProblemBase + name, Title: http.StatusText(status), Status: status, Detail: detail}
}

// Error implements error. A handler returns a *Problem that another service has decided about, and the caller gets it as it is.
func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// ProblemField describes one fault of the input.
type ProblemField struct {
	Pointer string `json:"pointer"` // a JSON pointer (RFC 6901) into the body, or /query/NAME or /header/NAME
	Detail  string `json:"detail"`
}

// maxFaults is the number of faults that a problem lists. A body of the largest size can have thousands of them.
const maxFaults = 50

// limited returns the problem with at most maxFaults faults. Its detail says how many are left out.
func (p Problem) limited() Problem {
	listed := min(len(p.Errors), maxFaults)
	if more := p.unlisted + len(p.Errors) - listed; more > 0 {
		p.Errors = p.Errors[:listed:listed]
		p.Detail = strings.TrimSpace(fmt.Sprintf("%s %d more faults are not listed.", p.Detail, more))
	}
	return p
}

// StatusOf returns the HTTP status of a kind of error. It is the only place that maps kinds to statuses.
func StatusOf(kind apperr.Kind) int {
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
	case apperr.TooMany:
		return http.StatusTooManyRequests
	case apperr.NotYet, apperr.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// nameOf returns the name of a problem that comes from HTTP itself and not from business code.
func nameOf(status int) string {
	switch status {
	case http.StatusNotFound:
		return string(apperr.NotFound)
	case http.StatusMethodNotAllowed:
		return "method-not-allowed"
	case http.StatusNotAcceptable:
		return "not-acceptable"
	case http.StatusRequestTimeout:
		return "too-slow"
	case http.StatusRequestEntityTooLarge:
		return "too-large"
	case http.StatusUnsupportedMediaType:
		return "unsupported-media-type"
	case http.StatusTooManyRequests:
		return "too-many-requests"
	default:
		return string(apperr.Malformed)
	}
}

// ProblemOf returns the problem that tells an error of business code. ok is false for an error in the service.
func ProblemOf(err error) (p Problem, ok bool) {
	e, known := apperr.As(err)
	if !known || e.Kind == apperr.Internal {
		return Problem{}, false
	}
	status := StatusOf(e.Kind)
	p = *NewProblem(status, e.Name(), e.Detail)
	p.unlisted = e.Unlisted
	for _, f := range e.Fields {
		p.Errors = append(p.Errors, ProblemField(f))
	}
	return p, true
}

// toProblem returns the problem that the caller gets for err, and reports whether err is an error in the service.
func toProblem(err error) (p Problem, ours bool) {
	if p, ok := ProblemOf(err); ok {
		return p, false
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return *p, false
	}
	if he := (*echo.HTTPError)(nil); errors.As(err, &he) && he.Code < 500 {
		detail, _ := he.Message.(string)
		return *NewProblem(he.Code, nameOf(he.Code), detail), false
	}
	return *NewProblem(http.StatusInternalServerError, string(apperr.Internal),
		"An internal error occurred. The log of the service has the details under the request id."), true
}

// handleError is Echo's HTTPErrorHandler. It answers with a problem, and logs the details that the caller does not get.
func handleError(log *slog.Logger) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if errors.Is(err, echo.ErrMethodNotAllowed) && deeperThanItsRoute(c) {
			err = echo.ErrNotFound
		}
		err = inWords(c.Request().Context(), err)
		p, ours := toProblem(err)
		p = p.limited()
		record(c.Request().Context(), log, c, err, p.Status, ours)
		if c.Response().Committed {
			// The answer has begun and cannot become a problem. The server cuts the connection so that the client notices.
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
		addLink(c.Response().Header(), err)
		p.Instance, p.RequestID = c.Request().URL.EscapedPath(), requestID(c)
		write(c, p, apperr.KindOf(err))
	}
}

// record counts a failure, and logs it if an operator may have to act.
func record(ctx context.Context, log *slog.Logger, c echo.Context, err error, status int, ours bool) {
	c.Set(countedKey, status)
	attrs := []any{"request_id", requestID(c), "method", clip(methodOf(c.Request())), "route", c.Path(), "error", err}
	switch {
	case errors.Is(err, errClientGone):
		c.Set(countedKey, statusClientGone)
	case c.Response().Committed:
		log.WarnContext(ctx, "answer cut off", attrs...)
	case ours || isOwnFault(err):
		log.ErrorContext(ctx, "request failed", attrs...)
	case status == http.StatusServiceUnavailable && apperr.KindOf(err) != apperr.NotYet:
		log.WarnContext(ctx, "request could not be served", attrs...)
	}
}

// isOwnFault reports whether an operator has to act so that the request can succeed.
func isOwnFault(err error) bool {
	e, ok := apperr.As(err)
	return ok && e.OwnFault
}

// statusClientGone is the status in the metrics if the client went away or did not read its answer in time. The service
// works correctly then. The status is never sent. nginx uses the same number.
const statusClientGone = 499

// countedKey is the key in an Echo context of the status for the log and the metrics, if it differs from the status of the
// answer. For example, a stream that was cut off began with 200.
const countedKey = "counted status"

func countedStatus(c echo.Context) int {
	if status, ok := c.Get(countedKey).(int); ok {
		return status
	}
	return c.Response().Status
}

// errClientGone is the error if a client does not wait for its answer.
var errClientGone = errors.New("the client is gone")

// inWords returns an error that tells why the request's context ended, if err comes from that. Errors that the caller
// caused stay unchanged: net/http also ends the context when it fails to read a body, for example a body that is too short.
func inWords(ctx context.Context, err error) error {
	e, known := apperr.As(err)
	unavailable := known && e.Kind == apperr.Unavailable
	if ctx.Err() == nil || errors.Is(err, errListTooLong) || !unavailable && (known || !errors.Is(err, context.Canceled)) {
		return err
	}
	if errors.Is(context.Cause(ctx), errTooSlow) {
		if unavailable {
			return err // its detail says more, for example that a change may have been saved
		}
		return apperr.New(apperr.Unavailable, "The database took too long to answer.").Because(err)
	}
	return apperr.New(apperr.Unavailable, "The request was canceled before its answer.").Because(fmt.Errorf("%w: %w", errClientGone, err))
}

// deeperThanItsRoute reports whether the path has more segments than the route that Echo found. If no route of the method
// matches, Echo takes the rest of the path as the last parameter.
func deeperThanItsRoute(c echo.Context) bool {
	return strings.Count(c.Request().URL.EscapedPath(), "/") > strings.Count(c.Path(), "/")
}

// withHead adds HEAD after GET. The router does not know that the server answers HEAD too.
func withHead(allowed string) string {
	if strings.Contains(allowed, http.MethodHead) {
		return allowed
	}
	return strings.Replace(allowed, "GET", "GET, HEAD", 1)
}

// retryAfter returns the number of seconds after which a client should try again what cannot be served now. It is random, so that
// clients that were refused together do not come back together.
func retryAfter() string { return strconv.Itoa(1 + rand.IntN(3)) } //nolint:gosec // it is no secret

// SetRetryAfter sets the header Retry-After if the status, or the kind of error behind it, calls for one (RFC 9110, RFC 6585).
func SetRetryAfter(header http.Header, status int, kind apperr.Kind) {
	switch {
	case kind == apperr.TooMany:
		header.Set("Retry-After", strconv.Itoa(60+rand.IntN(60))) //nolint:gosec // it is no secret
	case header.Get("Retry-After") != "": // who refused the request knows when to try again
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		header.Set("Retry-After", retryAfter())
	case kind == apperr.InProgress:
		header.Set("Retry-After", "1")
	}
}

func write(c echo.Context, p Problem, kind apperr.Kind) {
	header := c.Response().Header()
	SetRetryAfter(header, p.Status, kind)
	if p.Status == http.StatusRequestTimeout {
		header.Set("Connection", "close") // what is left of the body must not be read as the next request
	}
	header.Del("ETag")
	header.Set("Cache-Control", "no-store")
	if page, ok := c.Get(problemPageKey).(ProblemPage); ok {
		page.ServeProblem(c.Response(), c.Request(), p)
		return
	}
	text, err := json.Marshal(p)
	if err != nil {
		panic("a problem cannot be encoded: " + err.Error())
	}
	_ = c.Blob(p.Status, "application/problem+json", append(text, '\n')) // a client that is gone
}
