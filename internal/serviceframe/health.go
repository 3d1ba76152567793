package serviceframe

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/postgres"
)

// checks are what /readyz asks about. Only without the database, or its schema, can nothing be done.
func (f *Frame) checks(events Consumer, database *postgres.Pool) []httpserver.Check {
	return []httpserver.Check{
		{Name: "database", Critical: true, Ask: f.brief("database", "it does not answer; the log says more", database.Ping)},
		{Name: "schema", Critical: true, Ask: func(context.Context) error { return problems(f.schema.problem()) }},
		{Name: "kafka", Ask: f.brief("kafka", "no broker answers; the log says more", f.client.Ping)},
		{Name: "topics", Ask: func(context.Context) error { return problems(f.gate.Problem()) }},
		{Name: "relay", Ask: func(context.Context) error { return relayProblems(f.Relay.State()) }},
		{Name: "consumer", Ask: func(context.Context) error { return problems(events.State().Problems()...) }},
	}
}

// openProbe returns connections of readiness's own: requests may use up all others, and a service under load is still
// ready. Two, for one that hangs is not at once given up.
func (f *Frame) openProbe(ctx context.Context) (database *postgres.Pool, closeIt func(), err error) {
	database, err = postgres.Open(ctx, postgres.Config{URL: f.cfg.Database.URL, MaxConns: 2, Application: f.spec.Name + " readiness"})
	if err != nil {
		return nil, nil, err
	}
	return database, func() { go database.Close() }, nil // one that hangs must not hold the stop
}

// brief tells no more than words of what goes wrong: anybody may ask, and errors name users, databases and hosts.
func (f *Frame) brief(name, words string, ask func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := ask(ctx); err != nil {
			f.log.WarnContext(ctx, "not ready", "check", name, "error", err)
			return errors.New(words)
		}
		return nil
	}
}

// relayProblems is what keeps events from being published.
func relayProblems(s outbox.State) error {
	list := slices.Clone(s.Halted)
	for _, part := range slices.Sorted(maps.Keys(s.Troubles)) {
		list = append(list, part+": "+s.Troubles[part])
	}
	return problems(list...)
}

// problems is an error of the sentences that say something, or nil.
func problems(sentences ...string) error {
	var errs []error
	for _, s := range sentences {
		if s != "" {
			errs = append(errs, errors.New(s))
		}
	}
	return errors.Join(errs...)
}
