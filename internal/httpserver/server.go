// Package httpserver knows how the services speak HTTP, apart from their business: problems, entity tags, cursors, streamed
// lists, request ids, logs, health, and a server that no client can keep busy forever.
package httpserver

import (
	"cmp"
	"context"
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
)

// Config describes what a server offers besides the API that is mounted on it.
type Config struct {
	Service string // its name, for the index
	Addr    string // HOST:PORT; with port 0 the server chooses a free port
	// OperationsAddr, if set, is the address at which health, metrics and profiles are served instead, as HOST:PORT.
	OperationsAddr string

	ReadHeaderTimeout, ReadTimeout, WriteTimeout, IdleTimeout time.Duration
	ListTimeout                                               time.Duration // of a streamed list in all
	// RequestTimeout is the time that the service may take for a request, or for one part of a streamed list, before it
	// answers 503. It must be less than WriteTimeout, so that this answer can still be sent. Zero means no limit.
	RequestTimeout time.Duration
	// StopDelay is the time after the begin of a stop in which the server still accepts requests, while /readyz already
	// fails. A load balancer needs this time to choose another instance. Zero means no delay.
	StopDelay time.Duration
	// StopTimeout is the time after StopDelay in which the server waits for requests in progress. Then it cuts their
	// connections. The default is 5 s.
	StopTimeout time.Duration

	// OnStop is called when a stop begins, before StopDelay. It ends requests that wait for something; may be nil.
	OnStop func()

	// MaxForm is the largest body that a site gets (Handle), in bytes. The default is 64 KiB.
	MaxForm int64
	// TrustedProxies are the networks of proxies whose X-Forwarded-For is trusted. The header of all other peers is ignored.
	TrustedProxies []netip.Prefix
	Connections    ConnectionLimits
	// AllowedHosts are the names by which clients may address the service, besides localhost and IP addresses. Without them,
	// a server on a loopback address allows no other name, and a server on another address allows all. "*" allows all.
	AllowedHosts []string

	Prefix   string // the service's own endpoints are also served below it, for example "/catalog"; may be empty
	API      []string
	OpenAPI  []byte // the documents, in YAML
	AsyncAPI []byte
	Pages    []Page // for browsers
	Checks   []Check
	Registry *prometheus.Registry
}

// Server is an HTTP server. Mount the API on Echo, then Listen, then Run.
type Server struct {
	Echo *echo.Echo

	cfg         Config
	log         *slog.Logger
	checks      []Check
	checked     sharedCheck
	probes      map[string]bool // the paths of probes, and whether they ask for readiness
	duration    *prometheus.HistogramVec
	inFlight    prometheus.Gauge
	stopping    atomic.Bool
	listener    net.Listener
	connections *connections
	// operations is nil if health and metrics are beside the API.
	operations *operations
	held       func() // for tests, see patient
}

// maxHeaderBytes is far more than clients of these APIs send.
const maxHeaderBytes = 32 << 10

// New returns a server with everything except the API.
func New(cfg Config, log *slog.Logger) *Server {
	if cfg.StopTimeout <= 0 {
		cfg.StopTimeout = 5 * time.Second
	}
	if cfg.MaxForm <= 0 {
		cfg.MaxForm = defaultMaxForm
	}
	s := &Server{
		Echo: echo.New(), cfg: cfg, log: log, checks: cfg.Checks, probes: map[string]bool{},
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time from the header of a request to the end of its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method", "route", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_requests_in_flight", Help: "Requests in progress."}),
	}
	metrics := newConnectionMetrics(cfg.Registry)
	s.checked.run, s.connections = s.askAll, newConnections(listenerAPI, cfg, metrics, log)
	cfg.Registry.MustRegister(s.duration, s.inFlight)
	s.Echo.HideBanner, s.Echo.HidePort = true, true
	s.Echo.HTTPErrorHandler = handleError(log)
	s.Echo.JSONSerializer = exactNames{}
	s.Echo.IPExtractor = clientAddress(cfg.TrustedProxies)
	s.Echo.Pre(normalize, identify, s.bound, s.observe, recoverPanics, protect, newBrowserGuard(cfg.Addr, cfg.AllowedHosts).guard, fewParameters, allowHead, canonicalHeaders)
	if cfg.OperationsAddr != "" {
		s.operations = s.newOperations(newConnections(listenerOperations, cfg, metrics, log))
	}
	s.mountOwn()
	return s
}

// mountOwn adds the routes of health, metrics, the documents and an index, at the root and below the prefix.
func (s *Server) mountOwn() {
	prefixes := []string{""}
	if s.cfg.Prefix != "" {
		prefixes = append(prefixes, s.cfg.Prefix)
	}
	s.mountOperations(prefixes)
	for _, p := range prefixes {
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
			s.Echo.GET(page.Path, echo.WrapHandler(page.Handler()))
		}
	}
	for path, index := range indexes {
		s.Echo.GET(path, index)
	}
}

// index lists the addresses of everything, below the prefix or at the root.
func (s *Server) index(prefix string) echo.HandlerFunc {
	return func(c echo.Context) error {
		addresses := map[string]any{
			"service": s.cfg.Service, "api": s.cfg.API, "openapi": prefix + "/openapi.yaml", "asyncapi": prefix + "/asyncapi.yaml",
		}
		if s.operations == nil {
			addresses["health"], addresses["metrics"] = []string{prefix + "/livez", prefix + "/readyz"}, prefix+"/metrics"
		}
		return c.JSON(http.StatusOK, addresses)
	}
}

// document serves a document of the service.
func document(text []byte) echo.HandlerFunc {
	return echo.WrapHandler(Page{MediaType: "application/yaml", Body: text}.Handler())
}

// Handler returns the handler of all requests. Run serves it. Tests may serve it in another way.
func (s *Server) Handler() http.Handler {
	if s.operations != nil {
		return headAsGet(s.Echo)
	}
	return headAsGet(s.probed(s.Echo, newBrowserGuard(s.cfg.Addr, s.cfg.AllowedHosts)))
}

// Listen opens the ports, so that a port in use is an error before anything else starts.
func (s *Server) Listen(ctx context.Context) (err error) {
	if s.listener, err = listen(ctx, s.cfg.Addr, "HTTP_ADDR"); err != nil {
		return err
	}
	s.log.InfoContext(ctx, "listening", "addr", s.Addr())
	if s.operations == nil {
		return nil
	}
	if s.operations.listener, err = listen(ctx, s.cfg.OperationsAddr, "HTTP_OPERATIONS_ADDR"); err != nil {
		_ = s.listener.Close() // nothing has connected yet
		return err
	}
	s.log.InfoContext(ctx, "listening for operations", "addr", s.OperationsAddr())
	return nil
}

// listen opens a port. The variable is where its address comes from.
func listen(ctx context.Context, addr, variable string) (net.Listener, error) {
	// counting switches keep-alive on for the connections that it takes. For those that it refuses, it would be most of the work.
	l, err := (&net.ListenConfig{KeepAlive: -1}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("the address %s is taken by another process: stop that process, or choose another address with %s", addr, variable)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// Addr returns the address that the server listens on. Call it after Listen.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run serves until ctx is done. Then /readyz fails. After StopDelay the server accepts no new request. It finishes the
// requests in progress, and cuts off the rest after StopTimeout. That is not an error, because a client may hold a request
// open. Run is the Run of a lifecycle.Part.
func (s *Server) Run(ctx context.Context) error {
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: s.cfg.ReadHeaderTimeout, ReadTimeout: s.cfg.ReadTimeout,
		WriteTimeout: s.cfg.WriteTimeout, IdleTimeout: s.cfg.IdleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // clients that misbehave
	}
	failed := make(chan error, 2)
	defer s.serveOperations(failed)() // last, so that the health is known until then
	go func() {
		failed <- server.Serve(patient{s.connections.bounded(s.listener), s.grace(), s.held})
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	if s.cfg.OnStop != nil {
		s.cfg.OnStop()
	}
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
		_ = server.Close() // the remaining requests are given up
	}
	return nil
}
