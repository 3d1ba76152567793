package serviceframe

import (
	"context"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// checks returns the checks of /readyz. Only the database and its schema are critical: without them the service can do
// nothing.
func (f *Frame) checks(events Consumer, database pools) []httpserver.Check {
	t := newTeller(f.log)
	check := func(name string, critical bool, find func(context.Context) finding) httpserver.Check {
		return httpserver.Check{Name: name, Critical: critical, Ask: t.ask(name, find)}
	}
	return []httpserver.Check{
		check("database", true, func(ctx context.Context) finding { return found("", database.check(ctx)) }),
		check("schema", true, func(context.Context) finding { return f.schema.finding() }),
		check("kafka", false, func(ctx context.Context) finding { return found("", f.client.Ping(ctx)) }),
		check("topics", false, func(context.Context) finding { return finding{f.gate.ForAnyone(), f.gate.Problem()} }),
		check("relay", false, func(context.Context) finding {
			state := f.Relay.State()
			return sentences(state.ForAnyone(), state.Problems())
		}),
		check("maintenance", false, func(context.Context) finding { return f.upkeep.Load().finding() }),
		check("consumer", false, func(context.Context) finding {
			state := events.State()
			return sentences(state.ForAnyone(), state.Problems())
		}),
	}
}

// openProbe returns pools that only the readiness checks use. Requests may use all connections of the other pools, and a
// service under load is still ready. Each has two connections, because a check that hangs keeps one for a while.
func (f *Frame) openProbe(ctx context.Context) (database pools, closeIt func(), err error) {
	database, err = openPools(ctx, f.cfg.Database, f.spec.Name, "readiness", 2, f.conns.metrics)
	if err != nil {
		return pools{}, nil, err
	}
	return database, func() { go database.close() }, nil // a connection that hangs must not delay the stop
}
