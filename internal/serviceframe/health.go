package serviceframe

import (
	"cmp"
	"context"
	"errors"
	"regexp"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
)

// checks returns the checks of /readyz. Only the database and its schema are critical: without them the service can do
// nothing.
func (f *Frame) checks(events Consumer, database pools) []httpserver.Check {
	checks := []httpserver.Check{
		{Name: "database", Critical: true, Ask: f.brief("database", "it does not answer; see the log", databaseAdvice, database.check)},
		{Name: "schema", Critical: true, Ask: func(context.Context) error { return problems(f.schema.problem()) }},
		{Name: "kafka", Ask: f.brief("kafka", "no broker answers; see the log", broker.Advice, f.client.Ping)},
		{Name: "topics", Ask: func(context.Context) error { return problems(f.gate.Problem()) }},
		{Name: "relay", Ask: func(context.Context) error { return problems(f.Relay.State().Problems()...) }},
		{Name: "maintenance", Ask: func(context.Context) error { return problems(f.upkeep.Load().problem()) }},
		{Name: "consumer", Ask: func(context.Context) error { return problems(events.State().Problems()...) }},
	}
	for i := range checks {
		checks[i].Ask = forAnyone(checks[i].Ask)
	}
	return checks
}

// What no stranger may read in /readyz, and what replaces it. An address of a host by its name has a port of at least four
// digits, unlike a time.
var notForAnyone = []struct {
	pattern     *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`\b[a-z]+://\S+`), "…"},
	{regexp.MustCompile(`(?s)(?:ERROR|FATAL|PANIC): .*?\(SQLSTATE ([0-9A-Z]{5})\)`), "the database reports SQLSTATE $1"},
	{regexp.MustCompile(`\blookup \S+`), "lookup …"},
	{regexp.MustCompile(`\b(?:dial|read|write) (?:tcp|udp|unix)[46]?\b`), "the connection to"},
	{regexp.MustCompile(`\[?[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F.]+(?:%\w+)?\]?:\d+|\[[0-9a-fA-F:.]+(?:%\w+)?\](?::\d+)?`), "…"},
	{regexp.MustCompile(`\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b`), "…"},
	{regexp.MustCompile(`\b[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?:\d{4,5}\b`), "…"},
}

// forAnyone leaves addresses and messages of the database's server out of the error of ask, whichever part it comes from. The
// log of the part has the whole error.
func forAnyone(ask func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		text := err.Error()
		for _, secret := range notForAnyone {
			text = secret.pattern.ReplaceAllString(text, secret.replacement)
		}
		return errors.New(text)
	}
}

// openProbe returns pools that only the readiness checks use. Requests may use all connections of the other pools, and a
// service under load is still ready. Each has two connections, because a check that hangs keeps one for a while.
func (f *Frame) openProbe(ctx context.Context) (database pools, closeIt func(), err error) {
	database, err = openPools(ctx, f.cfg.Database, f.spec.Name+" readiness", 2)
	if err != nil {
		return pools{}, nil, err
	}
	return database, func() { go database.close() }, nil // a connection that hangs must not delay the stop
}

// databaseAdvice returns what to do about an error of pools.check, or "".
func databaseAdvice(err error) string {
	if errors.Is(err, postgres.ErrOtherDatabase) {
		return postgres.ErrOtherDatabase.Error()
	}
	return pgtx.Refusal(err)
}

// brief replaces the error of ask by its advice, or by words if there is no advice, and logs the error. Anyone may read
// /readyz, and errors name users, databases and hosts.
func (f *Frame) brief(name, words string, advice func(error) string, ask func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := ask(ctx); err != nil {
			f.log.WarnContext(ctx, "not ready", "check", name, "error", err)
			return errors.New(cmp.Or(advice(err), words))
		}
		return nil
	}
}

// problems returns an error with all sentences that are not empty, or nil.
func problems(sentences ...string) error {
	var errs []error
	for _, s := range sentences {
		if s != "" {
			errs = append(errs, errors.New(s))
		}
	}
	return errors.Join(errs...)
}
