// Package httpserver knows how our services speak HTTP, whatever they speak about: problems, entity tags, cursors,
// streamed lists, request ids, logs, health, and a server that no client can hold on to for ever.
package httpserver

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config says what a server offers beside the API that is mounted on it.
type Config struct {
	Service string // its name, for the index
	Addr    string // HOST:PORT; port 0 takes a free one

	ReadHeaderTimeout, ReadTimeout, WriteTimeout, IdleTimeout time.Duration
	// RequestTimeout is how long we may take over a request, or over one part of a streamed list, before it is 503. Less
	// than WriteTimeout, so that the answer still gets out. Zero waits for ever.
	RequestTimeout time.Duration
	// StopDelay is how long requests are still taken once the stop has begun, while /readyz already fails: what a load
	// balancer needs to look elsewhere. Zero stops at once.
	StopDelay time.Duration
	// StopTimeout is how long requests under way are waited for after that; then their connections are cut. 5 s.
	StopTimeout time.Duration

	// TrustedProxies are the networks of proxies whose X-Forwarded-For is believed. The header of all others is ignored.
	TrustedProxies []netip.Prefix

	Prefix   string // under which the service's own endpoints are offered too, as in "/catalog"; may be empty
	API      []string
	OpenAPI  []byte // the documents, YAML
	AsyncAPI []byte
	Pages    []Page // for browsers
	Checks   []Check
	Registry *prometheus.Registry
}

// Server is an HTTP server. Mount the API on Echo, then Listen, then Run.
type Server struct {
	Echo *echo.Echo

	cfg      Config
	log      *slog.Logger
	checks   []Check
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	stopping atomic.Bool
	listener net.Listener
}

// maxHeaderBytes is far more than any client of ours sends.
const maxHeaderBytes = 32 << 10

// New returns a server with everything but the API.
func New(cfg Config, log *slog.Logger) *Server {
	if cfg.StopTimeout <= 0 {
		cfg.StopTimeout = 5 * time.Second
	}
	s := &Server{
		Echo: echo.New(), cfg: cfg, log: log, checks: cfg.Checks,
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time from a request's header to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_requests_in_flight", Help: "Requests that are being answered."}),
	}
	cfg.Registry.MustRegister(s.duration, s.inFlight)
	s.Echo.HideBanner, s.Echo.HidePort = true, true
	s.Echo.HTTPErrorHandler = handleError(log)
	s.Echo.IPExtractor = clientAddress(cfg.TrustedProxies)
	s.Echo.Pre(normalize, identify, s.bound, s.observe, recoverPanics, protect, joinLists)
	s.mountOwn()
	return s
}

// mountOwn offers health, metrics, the documents and an index, at the root and below the prefix.
func (s *Server) mountOwn() {
	prefixes := []string{""}
	if s.cfg.Prefix != "" {
		prefixes = append(prefixes, s.cfg.Prefix)
	}
	metrics := echo.WrapHandler(promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{}))
	for _, p := range prefixes {
		s.Echo.GET(p+"/livez", s.livez)
		s.Echo.GET(p+"/readyz", s.readyz)
		s.Echo.GET(p+"/metrics", metrics)
		s.Echo.GET(p+"/openapi.yaml", document(s.cfg.OpenAPI))
		s.Echo.GET(p+"/asyncapi.yaml", document(s.cfg.AsyncAPI))
	}
	indexes := map[string]echo.HandlerFunc{}
	for _, p := range prefixes {
		indexes[cmp.Or(p, "/")] = s.index(p)
	}
	for _, page := range s.cfg.Pages {
		if programs, ok := indexes[page.Path]; ok {
			indexes[page.Path] = page.forBrowsers(programs)
		} else {
			s.Echo.GET(page.Path, page.handler())
		}
	}
	for path, index := range indexes {
		s.Echo.GET(path, index)
	}
}

// index says where everything is, below the prefix or at the root.
func (s *Server) index(prefix string) echo.HandlerFunc {
	return func(c echo.Context) error {
		return c.JSON(http.StatusOK, map[string]any{
			"service": s.cfg.Service, "api": s.cfg.API, "openapi": prefix + "/openapi.yaml", "asyncapi": prefix + "/asyncapi.yaml",
			"health": []string{prefix + "/livez", prefix + "/readyz"}, "metrics": prefix + "/metrics",
		})
	}
}

func document(text []byte) echo.HandlerFunc {
	sum := sha256.Sum256(text)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return func(c echo.Context) error {
		c.Response().Header().Set("ETag", etag)
		if asked := c.Request().Header.Get("If-None-Match"); NotModified(&asked, etag) {
			return c.NoContent(http.StatusNotModified)
		}
		return c.Blob(http.StatusOK, "application/yaml", text)
	}
}

// Handler answers everything that the server does. Run serves it; tests may serve it in their own way.
func (s *Server) Handler() http.Handler { return headAsGet(s.Echo) }

// Listen takes the address, so that a port that is taken is known before anything else starts.
func (s *Server) Listen(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("the address %s is taken by another process: stop it, or choose another one by HTTP_ADDR", s.cfg.Addr)
	}
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.cfg.Addr, err)
	}
	s.listener = l
	s.log.InfoContext(ctx, "listening", "addr", l.Addr().String())
	return nil
}

// Addr is the address that the server listens on, once Listen has returned.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run serves until ctx is done: then /readyz fails, no new request is taken once StopDelay is over, and those under way
// are finished or, after StopTimeout, cut off: that a client holds on to one is no failure of ours. It is the Run of a
// lifecycle.Part.
func (s *Server) Run(ctx context.Context) error {
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: s.cfg.ReadHeaderTimeout, ReadTimeout: s.cfg.ReadTimeout,
		WriteTimeout: s.cfg.WriteTimeout, IdleTimeout: s.cfg.IdleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // clients that misbehave
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(s.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	if s.cfg.StopDelay > 0 {
		select {
		case err := <-failed:
			return fmt.Errorf("serve HTTP: %w", err)
		case <-time.After(s.cfg.StopDelay):
		}
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.StopTimeout)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		s.log.WarnContext(ctx, "requests were cut off", "error", err)
		_ = server.Close() // what is left is being given up
	}
	return nil
}
