package httpserver

import (
	"context"
	"net/http"
)

// headAsGet handles HEAD as GET. The connection still knows the original method, and sends no body. Echo chooses the route
// by the first request that it gets, so this handler runs before Echo.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodHead {
			h := &head{ResponseWriter: w}
			w, req = h, req.WithContext(context.WithValue(req.Context(), headKey{}, h))
			req.Method = http.MethodGet
		}
		next.ServeHTTP(w, req)
	})
}

// headKey is the key of a request's head in its context, if the request is a HEAD.
type headKey struct{}

// head is the answer to a HEAD. If the body that GET would have is unknown, its length must not become the Content-Length of
// the answer (RFC 9110, 9.3.2): then nothing is written.
type head struct {
	http.ResponseWriter
	unknown bool
}

// Write implements io.Writer.
func (h *head) Write(p []byte) (int, error) {
	if h.unknown {
		return len(p), nil
	}
	return h.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (h *head) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// NeedsNoBody reports whether the request in ctx is a HEAD. The handler may then leave out the work for the body: the answer
// has no Content-Length.
func NeedsNoBody(ctx context.Context) bool {
	h, is := ctx.Value(headKey{}).(*head)
	if is {
		h.unknown = true
	}
	return is
}

// methodOf returns the method that the client sent.
func methodOf(req *http.Request) string {
	if req.Context().Value(headKey{}) != nil {
		return http.MethodHead
	}
	return req.Method
}
