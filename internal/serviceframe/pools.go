package serviceframe

import (
	"context"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/postgres"
)

// pools are the ways to the database. Without a direct URL, both are the same pool.
type pools struct {
	requests *postgres.Pool // possibly through a pooler
	direct   *postgres.Pool // for the relay, the consumer and the other parts
}

// openPools opens pools of at most so many connections. Their names for the database begin with the service's, their metrics are
// under the purpose.
func openPools(ctx context.Context, database postgres.Settings, service, purpose string, most int32, metrics *postgres.Metrics) (pools, error) {
	name := service + " " + purpose
	settings := database.Pooled(name)
	settings.MaxConns, settings.Metrics, settings.Name = most, metrics, purpose
	requests, err := postgres.Open(ctx, settings)
	if err != nil || !settings.Pooled {
		return pools{requests, requests}, err
	}
	settings = database.Direct(name)
	settings.MaxConns, settings.Metrics, settings.Name = most, metrics, purpose+"_direct"
	direct, err := postgres.Open(ctx, settings)
	if err != nil {
		requests.Close()
	}
	return pools{requests, direct}, err
}

// check returns an error if the database cannot be used, or if the pools lead to different databases.
func (p pools) check(ctx context.Context) error {
	if err := p.direct.Ping(ctx); err != nil || p.requests == p.direct {
		return err
	}
	return postgres.SameDatabase(ctx, p.direct, p.requests)
}

func (p pools) close() {
	p.requests.Close()
	p.direct.Close() // a second Close of the same pool does nothing
}

// connections are all pools of the service.
type connections struct {
	requests *postgres.Classed
	direct   *postgres.Pool
	pooled   bool
	metrics  *postgres.Metrics
}

// openConnections opens the pools that requests and the other parts use.
func openConnections(ctx context.Context, database postgres.Settings, name string) (connections, error) {
	metrics := postgres.NewMetrics()
	settings := database.Direct(name)
	settings.MaxConns, settings.Metrics, settings.Name = database.Shares().Direct, metrics, "direct"
	direct, err := postgres.Open(ctx, settings)
	if err != nil {
		return connections{}, err
	}
	requests, err := postgres.OpenClassed(ctx, database, name, metrics, direct)
	if err != nil {
		direct.Close()
		return connections{}, err
	}
	return connections{requests, direct, database.DirectURL != "", metrics}, nil
}

// check is pools.check. All classes use the same URL.
func (c connections) check(ctx context.Context) error {
	requests := c.direct
	if c.pooled {
		requests = c.requests.Pool(admission.Read)
	}
	return pools{requests, c.direct}.check(ctx)
}

func (c connections) close() {
	c.requests.Close()
	c.direct.Close()
}
