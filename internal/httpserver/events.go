package httpserver

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// HandleEvents adds a stream of server-sent events for pages that Handle serves. A stream takes no place among the requests that
// the gate admits, because it may stay open for minutes. So the handler must limit how many there are.
func (s *Server) HandleEvents(path string, handler http.Handler, available func() error) {
	s.Echo.GET(path, func(c echo.Context) error {
		if err := available(); err != nil {
			return err
		}
		pageHeaders(c.Response().Header())
		s.servePage(c.Request().Context(), c, c.Response(), handler)
		return nil
	})
}

// EventStream is an answer that stays open, and to which events are added.
type EventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// eventTimeout is the time in which a client must take an event. Each one is small.
const eventTimeout = 10 * time.Second

// BeginEvents begins the stream. From here on, only the client, or the handler, ends the context of the request. A client that
// was cut off comes back after a moment.
func BeginEvents(ctx context.Context, w http.ResponseWriter) (*EventStream, error) {
	if b := budgetOf(ctx); b != nil {
		b.timer.Stop()
	}
	e := &EventStream{w: w, control: http.NewResponseController(w)}
	_ = e.control.SetReadDeadline(time.Time{}) // a recorder in a test has no deadlines
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // proxies must pass on each event at once
	w.WriteHeader(http.StatusOK)
	return e, e.write("retry: 2000\n\n")
}

// Send adds an event. The data can have several lines.
func (e *EventStream) Send(name, data string) error {
	data = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(data)
	return e.write("event: " + name + "\ndata: " + strings.ReplaceAll(data, "\n", "\ndata: ") + "\n\n")
}

// Beat shows the client, and every proxy, that the stream is alive. It finds out whether the client is gone.
func (e *EventStream) Beat() error { return e.write(":\n\n") }

func (e *EventStream) write(text string) error {
	_ = e.control.SetWriteDeadline(time.Now().Add(eventTimeout)) // a recorder in a test has no deadlines
	if _, err := e.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("%w: %w", errClientGone, err)
	}
	if err := e.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errClientGone, err)
	}
	return nil
}
