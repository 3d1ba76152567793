package admission

import (
	"context"
	"net/http"
	"time"
)

// Writer returns the writer for the answer of an admitted request. Each of its writes is a Send.
func Writer(ctx context.Context, w http.ResponseWriter) http.ResponseWriter { return writer{w, ctx} }

type writer struct {
	http.ResponseWriter
	ctx context.Context //nolint:containedctx // http.ResponseWriter has no context; this is the one of its request
}

// Write implements http.ResponseWriter.
func (w writer) Write(p []byte) (int, error) {
	return Send(w.ctx, w.cut, func() (int, error) { return w.ResponseWriter.Write(p) })
}

// cut ends a write to a client that does not read.
func (w writer) cut() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Unix(1, 0)) // a recorder in a test has no deadlines
}

// Unwrap is for http.ResponseController.
func (w writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
