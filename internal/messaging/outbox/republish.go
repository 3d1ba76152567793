package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/audit"
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

// republishPage is the highest number of aggregates in one transaction. Their rows are locked until its end.
const republishPage = 200

var errDryRun = errors.New("a dry run changes nothing")

// Republish appends the current state of every aggregate to the outbox, as an event of its current version. It is for a topic
// whose log was lost: adopt the topic first. Consumers that have the version ignore the event. It runs beside normal changes.
// It may be interrupted and run again.
func Republish(ctx context.Context, pool *pgxpool.Pool, models []Model, by audit.Operator, o RepublishOptions) ([]Republished, error) {
	r := republishing{pool: pool, by: by, options: o, began: time.Now()}
	for _, m := range models {
		if err := r.count(ctx, m); err != nil {
			return nil, err
		}
	}
	for i, m := range models {
		r.results = append(r.results, Republished{Topic: m.Topic})
		if err := r.topic(ctx, m, &r.results[i]); err != nil {
			return r.results, fmt.Errorf("republish %s: %w", m.Topic, err)
		}
	}
	return r.results, nil
}

type republishing struct {
	pool        *pgxpool.Pool
	by          audit.Operator
	options     RepublishOptions
	began       time.Time
	done, total int
	results     []Republished
	action      int64 // the audit record; 0 until there is one
}

func (r *republishing) count(ctx context.Context, m Model) error {
	return pgtx.Run(ctx, r.pool, "", func(tx pgx.Tx) error {
		n, err := m.Count(ctx, tx)
		r.total += n
		return err
	})
}

// topic republishes one topic, page by page. Each page is one transaction.
func (r *republishing) topic(ctx context.Context, m Model, result *Republished) error {
	limit := republishPage
	if r.options.Rate > 0 {
		limit = min(limit, max(1, r.options.Rate/5))
	}
	for after, more := "", true; more; {
		var (
			next   = *result
			action int64
			last   string
		)
		err := pgtx.Run(ctx, r.pool, pgtx.BeginPinned, func(tx pgx.Tx) (err error) {
			next, last = *result, ""
			if last, err = republishAfter(ctx, tx, m, after, limit, &next); err != nil || last == "" {
				return err
			}
			if r.options.DryRun {
				return errDryRun
			}
			action, err = r.record(ctx, tx, next)
			return err
		})
		if err != nil && !errors.Is(err, errDryRun) {
			return err
		}
		r.done += next.Aggregates - result.Aggregates
		*result, after, more = next, last, last != ""
		if action != 0 {
			r.action = action
		}
		r.options.Progress.tell(r.done, max(r.done, r.total))
		if !r.options.DryRun && more {
			if err := pace(ctx, r.began, r.done, r.options.Rate); err != nil {
				return err
			}
		}
	}
	return nil
}

// republishAfter appends the events of one page, and returns its last key, or "" if there is none.
func republishAfter(ctx context.Context, tx pgx.Tx, m Model, after string, limit int, result *Republished) (last string, err error) {
	events, err := m.Page(ctx, tx, after, limit)
	if err != nil || len(events) == 0 {
		return "", err
	}
	rest, err := withoutPending(ctx, tx, m.Topic, events)
	if err != nil {
		return "", err
	}
	result.Aggregates += len(events)
	result.Appended += len(rest)
	result.Pending += len(events) - len(rest)
	return events[len(events)-1].Key, Append(ctx, tx, rest...)
}

// record writes the results so far into the audit, in the transaction that they are about.
func (r *republishing) record(ctx context.Context, tx pgx.Tx, now Republished) (int64, error) {
	results := append(slices.Clone(r.results[:len(r.results)-1]), now)
	if r.action == 0 {
		return audit.Record(ctx, tx, r.by, "outbox republish", results)
	}
	return r.action, audit.Update(ctx, tx, r.action, results)
}
