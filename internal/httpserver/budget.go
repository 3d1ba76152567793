package httpserver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/admission"
)

// errTooSlow is the cause of a request's context that ended because the service took too long.
var errTooSlow = errors.New("the request took too long")

// budget limits the time that the service may take for a request, or for one part of a streamed list. So a database that
// hangs does not hang the API. The time in which the client sends its body or receives a part does not count: it has its
// own deadlines. A nil budget has no limit.
type budget struct {
	limit time.Duration
	timer *time.Timer
	end   time.Time // when the timer fires
	// extend gives the client the whole write time-out again; nil if the connection has none.
	extend func()
}

type budgetKey struct{}

// withBudget returns a context that ends with errTooSlow as its cause once the budget is used up.
func withBudget(ctx context.Context, limit time.Duration) (context.Context, *budget, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	b := &budget{limit: limit, timer: time.AfterFunc(limit, func() { cancel(errTooSlow) }), end: time.Now().Add(limit)}
	return context.WithValue(ctx, budgetKey{}, b), b, func() {
		b.timer.Stop()
		cancel(context.Canceled)
	}
}

// budgetOf returns the budget of the request that ctx belongs to.
func budgetOf(ctx context.Context) *budget {
	b, _ := ctx.Value(budgetKey{}).(*budget)
	return b
}

// client runs wait, which waits for the client, and then restarts the full budget.
func (b *budget) client(wait func() (int, error)) (int, error) {
	if b == nil {
		return wait()
	}
	b.timer.Stop()
	defer b.resume(b.limit)
	return wait()
}

// resume lets the budget end after d.
func (b *budget) resume(d time.Duration) {
	b.end = time.Now().Add(d)
	b.timer.Reset(d)
}

// Pause runs wait, which waits for something that the client asked to wait for. The context of wait ends after limit. The
// time does not count against the request's budget: afterwards, what was left of it is available again. The context must be
// that of the request, and only the goroutine of the request may call Pause.
//
// A request that waits gives up its place among the requests that the service works on (admission.Wait). If too many requests
// wait already, the context of wait has ended from the beginning.
//
// All limits of a request together must be at most Settings.MaxWait, because the gateway waits only so long for an answer.
func Pause(ctx context.Context, limit time.Duration, wait func(ctx context.Context) error) error {
	if b := budgetOf(ctx); b != nil {
		left := time.Until(b.end)
		if b.timer.Stop() {
			defer b.resume(left)
		}
		if b.extend != nil {
			defer b.extend()
		}
	}
	resume, ok := admission.Wait(ctx)
	defer resume()
	if !ok {
		limit = 0
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return wait(ctx)
}

// bound gives each request its budget.
func (s *Server) bound(next echo.HandlerFunc) echo.HandlerFunc {
	if s.cfg.RequestTimeout <= 0 {
		return next
	}
	return func(c echo.Context) error {
		ctx, b, end := withBudget(c.Request().Context(), s.cfg.RequestTimeout)
		defer end()
		if control := http.NewResponseController(c.Response()); s.cfg.WriteTimeout > 0 {
			// A recorder in a test has no deadlines.
			b.extend = func() { _ = control.SetWriteDeadline(time.Now().Add(s.cfg.WriteTimeout)) }
		}
		req := c.Request().WithContext(ctx)
		if req.Body != nil && req.Body != http.NoBody {
			req.Body = awaited{req.Body, b}
		}
		c.SetRequest(req)
		return next(c)
	}
}

// awaited is a request body. The time in which it is read does not count against the budget.
type awaited struct {
	io.ReadCloser
	budget *budget
}

func (a awaited) Read(p []byte) (int, error) {
	return a.budget.client(func() (int, error) { return a.ReadCloser.Read(p) })
}
