package httpserver

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// operations serves health, metrics and profiles on a listener of their own, for those who operate the service. Without it,
// health and metrics are beside the API, and there are no profiles.
type operations struct {
	echo        *echo.Echo
	listener    net.Listener
	connections *connections
}

// profileTimeout is longer than a profile usually takes.
const profileTimeout = 2 * time.Minute

func (s *Server) newOperations(c *connections) *operations {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = handleError(s.log)
	e.IPExtractor = echo.ExtractIPDirect()
	e.Pre(identify, s.observe, recoverPanics, protect, newBrowserGuard(s.cfg.OperationsAddr, s.cfg.AllowedHosts).guard, allowHead)
	e.GET("/debug/pprof/*", echo.WrapHandler(http.HandlerFunc(pprof.Index))) // also the profiles with a name
	for name, handler := range map[string]http.HandlerFunc{
		"cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
	} {
		e.GET("/debug/pprof/"+name, echo.WrapHandler(handler))
	}
	return &operations{echo: e, connections: c}
}

// mountOperations adds health and metrics below each prefix: to the listener for operations if there is one.
func (s *Server) mountOperations(prefixes []string) {
	e := s.Echo
	if s.operations != nil {
		e = s.operations.echo
	}
	metrics := echo.WrapHandler(promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{}))
	for _, p := range prefixes {
		s.probes[p+"/livez"], s.probes[p+"/readyz"] = false, true
		e.GET(p+"/livez", s.livez)
		e.GET(p+"/readyz", s.readyz)
		e.GET(p+"/metrics", metrics)
	}
}

// OperationsAddr returns the address of the listener for operations, or "" if there is none. Call it after Listen.
func (s *Server) OperationsAddr() string {
	if s.operations == nil {
		return ""
	}
	return s.operations.listener.Addr().String()
}

// serveOperations serves operations until the function that it returns is called. An error goes to failed.
func (s *Server) serveOperations(failed chan<- error) (stop func()) {
	if s.operations == nil {
		return func() {}
	}
	server := &http.Server{
		Handler: headAsGet(s.probed(s.operations.echo, newBrowserGuard(s.cfg.OperationsAddr, s.cfg.AllowedHosts))), ReadHeaderTimeout: s.cfg.ReadHeaderTimeout, ReadTimeout: s.cfg.ReadTimeout,
		WriteTimeout: profileTimeout, IdleTimeout: s.cfg.IdleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	go func() {
		if err := server.Serve(s.operations.connections.bounded(s.operations.listener)); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	return func() { _ = server.Close() } // a profile is given up
}
