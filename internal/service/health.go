package service

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// checks are what /readyz asks about. Only without the database, or its schema, can nothing be done.
func (f *Frame) checks(events Consumer) []httpserver.Check {
	return []httpserver.Check{
		{Name: "database", Critical: true, Ask: f.Pool.Ping},
		{Name: "schema", Critical: true, Ask: func(context.Context) error { return problems(f.schema.problem()) }},
		{Name: "kafka", Ask: f.client.Ping},
		{Name: "topics", Ask: func(context.Context) error { return problems(f.gate.Problem()) }},
		{Name: "relay", Ask: func(context.Context) error { return relayProblems(f.Relay.State()) }},
		{Name: "consumer", Ask: func(context.Context) error { return problems(events.State().Problems()...) }},
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
