package httpserver

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/headerfield"
	"github.com/monsplit/monsplit/internal/telemetry"
)

// headerRequestID has the id of a request, which identifies it across services and logs.
const headerRequestID = "X-Request-Id"

func requestID(c echo.Context) string { return c.Response().Header().Get(headerRequestID) }

// identify gives the request an id and a trace. It stores the URL for links, the client's address for counts, and the id and the
// address for the history.
func identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		req := c.Request()
		id := req.Header.Get(headerRequestID)
		if !saneID(id) {
			id = uuid.NewString()
		}
		c.Response().Header().Set(headerRequestID, id)
		target := *req.URL
		ctx := context.WithValue(telemetry.ContinueTrace(req.Context(), req.Header), requestURLKey{}, &target)
		ctx = caller.WithAddress(ctx, countedAddress(c.RealIP()))
		c.SetRequest(req.WithContext(caller.WithRequest(ctx, caller.Request{ID: id, Address: clip(c.RealIP())})))
		return next(c)
	}
}

// countedAddress returns what counts as one client: the IPv4 address, or the /64 network of the IPv6 address.
func countedAddress(client string) string {
	address, err := netip.ParseAddr(client)
	if err != nil {
		return client
	}
	network := networkOf(address.Unmap())
	if network.IsSingleIP() {
		return network.Addr().String()
	}
	return network.String()
}

// saneID reports whether an id from outside is safe to write to the log.
func saneID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:") == ""
}

// canonicalHeaders gives headers with the same meaning the same form. It joins several lines of a list into one line, because
// the generated code reads only one (RFC 9110, section 5.3). An Idempotency-Key may be a structured string in quotes, as the
// draft of its standard says, or the bare text.
func canonicalHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Request().Header
		for _, name := range []string{"If-Match", "If-None-Match", "Prefer"} {
			if lines := header.Values(name); len(lines) > 1 {
				header.Set(name, strings.Join(lines, ", "))
			}
		}
		for i, key := range header.Values("Idempotency-Key") {
			if text, ok := headerfield.String(key); ok {
				header["Idempotency-Key"][i] = text
			}
		}
		return next(c)
	}
}

// observe turns errors into answers, and records each request in the log and the metrics.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began, method := time.Now(), methodOf(c.Request())
		s.inFlight.Inc()
		defer s.inFlight.Dec()
		// Deferred, so that a connection that is cut off is recorded too: it unwinds as a panic.
		defer func() {
			took := time.Since(began)
			req, res := c.Request(), c.Response()
			route, status := c.Path(), countedStatus(c)
			if route == "" || status == http.StatusNotFound && strings.Contains(route, "*") {
				route = "none"
			}
			s.duration.WithLabelValues(methodLabel(method), route, fmt.Sprint(status)).Observe(took.Seconds())
			level := slog.LevelInfo
			if quiet(route) {
				level = slog.LevelDebug
			}
			s.log.LogAttrs(req.Context(), level, "request", slog.String("method", clip(method)), slog.String("path", clip(req.URL.Path)),
				slog.String("route", route), slog.Int("status", status), slog.Int64("bytes", res.Size), slog.Duration("took", took),
				slog.String("remote", clip(c.RealIP())), slog.String("caller", caller.From(req.Context()).String()), slog.String("request_id", requestID(c)))
		}()
		if err := next(c); err != nil {
			c.Error(err)
		}
		return nil
	}
}

// maxLogged is the number of bytes of a text from outside that the log has.
const maxLogged = 256

// clip shortens a text from outside for the log.
func clip(text string) string {
	if len(text) <= maxLogged {
		return text
	}
	return strings.ToValidUTF8(text[:maxLogged], "") + "…"
}

// methodLabel returns a label from a small set. A client may send any word as the method, and the metrics would keep a
// series for each word forever.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// quiet reports whether monitoring systems poll the route all the time. Its requests are logged only at debug level.
func quiet(route string) bool {
	return strings.HasSuffix(route, "/livez") || strings.HasSuffix(route, "/readyz") || strings.HasSuffix(route, "/metrics")
}

// recoverPanics turns a panic into an internal error. It lets http.ErrAbortHandler pass, which cuts off the connection.
func recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch r := recover(); r {
			case nil:
			case http.ErrAbortHandler:
				panic(r)
			default:
				err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
		}()
		return next(c)
	}
}

// allowHead adds HEAD to Allow in answers to OPTIONS that the router makes itself.
func allowHead(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		c.Response().Before(func() {
			if allowed := header.Get(echo.HeaderAllow); allowed != "" {
				header.Set(echo.HeaderAllow, withHead(allowed))
			}
		})
		return next(c)
	}
}

// protect sets headers that make browsers treat an answer as data only. Pages override the headers that they need to.
func protect(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		setProtection(c.Response().Header())
		return next(c)
	}
}

func setProtection(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache") // a cache may store the answer, but must revalidate it by ETag each time
}
