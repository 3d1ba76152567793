package serviceframe

import (
	"context"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/access"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/oas"
	"github.com/monsplit/monsplit/internal/postgres"
)

// restrict lets only callers with a token use the API, if the settings say so. It returns the part that reads the tokens, and
// a function that releases what it has opened.
func (f *Frame) restrict(ctx context.Context, server *httpserver.Server, validator *oas.Validator, registry *prometheus.Registry,
) (parts []lifecycle.Part, closeIt func(), err error) {
	s := f.cfg.Access
	if !s.On() {
		return nil, func() {}, nil
	}
	// Requests may use all connections of the other pools, and tokens have to be read even then.
	settings := f.cfg.Database.Direct(f.spec.Name + " access")
	settings.MaxConns, settings.Metrics, settings.Name = 1, f.conns.metrics, "access"
	pool, err := postgres.Open(ctx, settings)
	if err != nil {
		return nil, nil, err
	}
	tokens := access.NewTokens(pool, access.Limit{PerSecond: s.Rate, Burst: s.Burst}, f.log)
	guard := access.NewGuard(s, access.API{Realm: f.spec.Name, Prefix: f.spec.APIPrefix, MetricsNamespace: MetricsNamespace}, tokens)
	if err := guard.CheckPaths(validator.Paths()); err != nil {
		pool.Close()
		return nil, nil, fmt.Errorf("%s: %w", f.spec.Name, err)
	}
	registry.MustRegister(guard.Collectors()...)
	server.Restrict(whenAvailable{guard, f.schema.available}) //nolint:contextcheck // it uses the context of each request
	// A connection that hangs must not delay the stop.
	return []lifecycle.Part{{Name: "access", Run: f.schema.before(tokens.Run)}}, func() { go pool.Close() }, nil
}

// whenAvailable identifies callers once the schema is up to date. Before that, there are no tokens to look at.
type whenAvailable struct {
	httpserver.Access
	available func() error
}

// Identify implements httpserver.Access.
func (w whenAvailable) Identify(req *http.Request, client string, answer http.Header) (caller.Caller, error) {
	if err := w.available(); err != nil {
		return caller.Caller{}, err
	}
	return w.Access.Identify(req, client, answer)
}
