package httpserver

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/caller"
)

// Access decides who sends a request, and whether it is let in. internal/access implements it.
type Access interface {
	// Guards reports whether a request to this path has to be identified. The callers of other requests are anonymous.
	Guards(path string) bool
	// Identify returns who sends a request, as far as that is known, and an error if the request is refused. client is the
	// address of the client. Identify may set header fields of the answer.
	Identify(req *http.Request, client string, answer http.Header) (caller.Caller, error)
}

// Restrict lets in only what a allows. Call it before Listen.
//
// It runs after the router, so that the metrics of a refusal have its route. It looks at the path of the request and at its
// route: both have to be outside what is guarded. OPTIONS tells only what the document says, and a browser sends it without
// credentials.
func (s *Server) Restrict(a Access) {
	s.Echo.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			req := c.Request()
			if req.Method == http.MethodOptions || !a.Guards(req.URL.Path) && !a.Guards(c.Path()) {
				return next(c)
			}
			who, err := a.Identify(req, c.RealIP(), c.Response().Header())
			c.SetRequest(req.WithContext(caller.With(req.Context(), who))) // for the log also if it is refused
			if err != nil {
				return err
			}
			return next(c)
		}
	})
}
