package repair

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// RepublishOptions says how Republish works.
type RepublishOptions struct {
	Rate     int // aggregates in a second, so that other events are not delayed; 0 is without limit
	DryRun   bool
	Progress Progress
}

// Republished is what Republish has done to one topic.
type Republished struct {
	Topic      string `json:"topic"`
	Aggregates int    `json:"aggregates"` // deleted ones included
	Appended   int    `json:"appended"`   // events that the relay will publish; in a dry run, that it would
	Pending    int    `json:"pending"`    // aggregates whose current version is not published yet: they need no other event
}

// Republish appends the current state of every aggregate to the outbox, as an event of its current version. It is for a topic
// whose log was lost: adopt the topic first. Consumers that have the version ignore the event. It runs beside normal changes.
// It may be interrupted and run again.
func Republish(ctx context.Context, pool *pgxpool.Pool, models []Model, by audit.Operator, o RepublishOptions) ([]Republished, error) {
	r := &republishing{run[Republished]{
		pool: pool, record: record{by: by, command: "outbox republish", dryRun: o.DryRun}, rate: o.Rate, progress: o.Progress, began: time.Now(),
	}}
	for _, m := range models {
		n, err := Count(ctx, pool, m)
		if err != nil {
			return nil, err
		}
		r.total += n
	}
	for _, m := range models {
		r.results = append(r.results, Republished{Topic: m.Topic})
		if err := r.topic(ctx, m); err != nil {
			return r.results, fmt.Errorf("republish %s: %w", m.Topic, err)
		}
	}
	return r.results, nil
}

// Count returns how many aggregates a model has, deleted ones included.
func Count(ctx context.Context, pool *pgxpool.Pool, m Model) (n int, err error) {
	err = pgtx.Run(ctx, pool, "", func(tx pgx.Tx) (err error) {
		n, err = m.Count(ctx, tx)
		return err
	})
	return n, err
}

type republishing struct{ run[Republished] }

// topic republishes the present topic, page by page.
func (r *republishing) topic(ctx context.Context, m Model) error {
	for after := ""; ; {
		before, last := r.results[len(r.results)-1].Aggregates, ""
		err := r.page(ctx, func(tx pgx.Tx, _ int64, result *Republished) (err error) {
			last, err = republishAfter(ctx, tx, m, after, r.limit(), result)
			return err
		})
		if err != nil || last == "" {
			return err
		}
		after = last
		if err := r.pace(ctx, r.results[len(r.results)-1].Aggregates-before); err != nil {
			return err
		}
	}
}

// republishAfter appends the events of one page, and returns its last key, or "" if there is none.
func republishAfter(ctx context.Context, tx pgx.Tx, m Model, after string, limit int, result *Republished) (last string, err error) {
	events, err := m.Page(ctx, tx, after, limit)
	if err != nil || len(events) == 0 {
		return "", err
	}
	rest, err := outbox.WithoutPending(ctx, tx, m.Topic, events)
	if err != nil {
		return "", err
	}
	result.Aggregates += len(events)
	result.Appended += len(rest)
	result.Pending += len(events) - len(rest)
	return events[len(events)-1].Key, outbox.Append(ctx, tx, rest...)
}
