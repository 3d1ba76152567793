package httpserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
)

// Handle adds pages that show or change data, such as an admin interface. The handler gets the requests of all methods to
// path and to everything below it, with their complete paths. A path has no slash at its end, and HEAD arrives as GET.
//
// A handler that is a ProblemPage shows why the server itself refuses a request. If available returns an error, that is the answer.
// The gate admits each request, as a list if it reads and as a change otherwise. While its answer waits for the client, a request
// has no place; a handler that then reads on does so with WithPlace. Call Handle before Listen.
func (s *Server) Handle(path string, handler http.Handler, available func() error, gate *admission.Gate) {
	page, _ := handler.(ProblemPage)
	serve := func(c echo.Context) error {
		pageHeaders(c.Response().Header())
		if page != nil {
			c.Set(problemPageKey, page)
		}
		if err := available(); err != nil {
			return err
		}
		class := admission.Write
		if c.Request().Method == http.MethodGet {
			class = admission.List
		}
		if err := readWhole(c.Request(), s.cfg.MaxForm); err != nil { // before it takes a place, so that a slow body keeps none
			return err
		}
		ctx, leave, err := gate.Enter(c.Request().Context(), class, "")
		if err != nil {
			return err
		}
		defer leave(nil)
		s.servePage(ctx, c, admission.Writer(ctx, c.Response()), handler)
		return nil
	}
	s.Echo.RouteNotFound(path, serve) // for any method: the handler knows which of its pages has which
	s.Echo.RouteNotFound(path+"/*", serve)
}

// ProblemPage is a site that shows a problem to people. Other clients of a site get a problem as JSON.
type ProblemPage interface {
	ServeProblem(w http.ResponseWriter, r *http.Request, p Problem)
}

// problemPageKey is the key of the ProblemPage in an Echo context, if the request is for one.
const problemPageKey = "problem page"

func pageHeaders(h http.Header) {
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-store") // the pages may show what only one user may see
	// With "no-referrer" a browser would send "Origin: null" with a form, and http.CrossOriginProtection would refuse it.
	h.Set("Referrer-Policy", "same-origin")
}

// servePage lets the handler answer, with what it must know about the client.
func (s *Server) servePage(ctx context.Context, c echo.Context, w http.ResponseWriter, handler http.Handler) {
	v := &visitor{client: Client{Address: c.RealIP(), TLS: behindTLS(c.Request(), s.cfg.TrustedProxies)}}
	defer func() { //nolint:contextcheck // it changes the request's own context, for the log
		c.SetRequest(c.Request().WithContext(caller.With(c.Request().Context(), v.who)))
	}()
	handler.ServeHTTP(w, c.Request().WithContext(context.WithValue(ctx, visitorKey{}, v)))
}

// Client is what is known about the client of a request to a site.
type Client struct {
	Address string // as in the access log
	TLS     bool   // whether the client's connection is encrypted, here or at a trusted proxy
}

// visitor is what the server and the handler of a site tell each other about who sends a request.
type visitor struct {
	client Client
	who    caller.Caller
}

type visitorKey struct{}

// ClientOf returns the client of a request to a site, from the context of the request.
func ClientOf(ctx context.Context) Client {
	if v, _ := ctx.Value(visitorKey{}).(*visitor); v != nil {
		return v.client
	}
	return Client{}
}

// Identified returns a context with the caller of a request to a site. The log of the request names the caller.
func Identified(ctx context.Context, who caller.Caller) context.Context {
	if v, _ := ctx.Value(visitorKey{}).(*visitor); v != nil {
		v.who = who
	}
	return caller.With(ctx, who)
}

// behindTLS reports whether the client of a request uses TLS. Only a trusted proxy can say so for its clients: other peers can
// send any X-Forwarded-Proto.
func behindTLS(r *http.Request, trusted Networks) bool {
	if r.TLS != nil {
		return true
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	peer, err := netip.ParseAddr(host)
	return err == nil && within(trusted, peer) && r.Header.Get("X-Forwarded-Proto") == "https"
}

// defaultMaxForm is the largest body of a form, in bytes, unless Config says otherwise.
const defaultMaxForm = 64 << 10

// readWhole replaces the body of a request by what the client has sent.
func readWhole(req *http.Request, most int64) error {
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, most+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return echo.NewHTTPError(http.StatusRequestTimeout, "The body did not arrive in time.").SetInternal(err)
	case err != nil:
		return apperr.New(apperr.Malformed, "The body did not arrive completely.").Because(err)
	case int64(len(body)) > most:
		return NewProblem(http.StatusRequestEntityTooLarge, "too-large", fmt.Sprintf("The body is larger than %d bytes.", most))
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}
