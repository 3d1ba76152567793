package httpserver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
)

// Handle adds pages that show or change data, such as an admin interface. The handler gets the requests of all methods to
// path and to everything below it, with their complete paths. A path has no slash at its end, and HEAD arrives as GET.
//
// If available returns an error, that is the answer. The gate admits each request, as a list if it reads and as a change
// otherwise. Call Handle before Listen.
func (s *Server) Handle(path string, handler http.Handler, available func() error, gate *admission.Gate) {
	serve := func(c echo.Context) error {
		if err := available(); err != nil {
			return err
		}
		pageHeaders(c.Response().Header())
		class := admission.Write
		if c.Request().Method == http.MethodGet {
			class = admission.List
		}
		if err := readWhole(c.Request()); err != nil { // before it takes a place, so that a slow body keeps none
			return err
		}
		ctx, leave, err := gate.Enter(c.Request().Context(), class, "")
		if err != nil {
			return err
		}
		defer leave(nil)
		s.servePage(ctx, c, handler)
		return nil
	}
	s.Echo.Any(path, serve)
	s.Echo.Any(path+"/*", serve)
}

func pageHeaders(h http.Header) {
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cache-Control", "no-store") // the pages may show what only one user may see
	// With "no-referrer" a browser would send "Origin: null" with a form, and http.CrossOriginProtection would refuse it.
	h.Set("Referrer-Policy", "same-origin")
}

// servePage lets the handler answer, with what it must know about the client.
func (s *Server) servePage(ctx context.Context, c echo.Context, handler http.Handler) {
	client := Client{Address: c.RealIP(), TLS: behindTLS(c.Request(), s.cfg.TrustedProxies)}
	handler.ServeHTTP(c.Response(), c.Request().WithContext(context.WithValue(ctx, clientKey{}, client)))
}

// Client is what is known about the client of a request to a site.
type Client struct {
	Address string // as in the access log
	TLS     bool   // whether the client's connection is encrypted, here or at a trusted proxy
}

type clientKey struct{}

// ClientOf returns the client of a request to a site, from the context of the request.
func ClientOf(ctx context.Context) Client {
	client, _ := ctx.Value(clientKey{}).(Client)
	return client
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
	if err != nil {
		return false
	}
	for _, network := range trusted {
		if network.Contains(peer.Unmap().WithZone("")) {
			return r.Header.Get("X-Forwarded-Proto") == "https"
		}
	}
	return false
}

// maxForm is the largest body of a form, in bytes.
const maxForm = 64 << 10

// readWhole replaces the body of a request by what the client has sent.
func readWhole(req *http.Request) error {
	if req.Body == nil || req.Body == http.NoBody {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxForm+1))
	switch {
	case err != nil:
		return apperr.New(apperr.Malformed, "The body did not arrive completely.").Because(err)
	case len(body) > maxForm:
		return newProblem(http.StatusRequestEntityTooLarge, "too-large", fmt.Sprintf("The body is larger than %d bytes.", maxForm))
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}
