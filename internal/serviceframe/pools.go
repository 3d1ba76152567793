package serviceframe

import (
	"context"

	"github.com/monsplit/monsplit/internal/postgres"
)

// pools are the ways to the database. Without a direct URL, both are the same pool.
type pools struct {
	requests *postgres.Pool // possibly through a pooler
	direct   *postgres.Pool // for the relay, the consumer and the other parts
}

// besideConsumer is the number of connections of the direct pool that the consumer leaves to the other parts.
const besideConsumer = 6

// openPools opens pools of at most so many connections, under a name.
func openPools(ctx context.Context, database postgres.Settings, name string, requestsMost, directMost int32) (pools, error) {
	settings := database.Pooled(name)
	settings.MaxConns = requestsMost
	requests, err := postgres.Open(ctx, settings)
	if err != nil || !settings.Pooled {
		return pools{requests, requests}, err
	}
	settings = database.Direct(name)
	settings.MaxConns = directMost
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
