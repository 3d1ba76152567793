package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// Lost says what becomes of the aggregates that the log has and the database lacks.
type Lost string

// The choices. An aggregate that cannot be rebuilt, for example because another one has its name now, is deleted.
const (
	Recover Lost = "recover" // they are rebuilt from the log
	Delete  Lost = "delete"  // the other services learn that they are deleted
)

// ReassertOptions says how Reassert works.
type ReassertOptions struct {
	Lost     Lost
	Rate     int // aggregates in a second, so that other events are not delayed; 0 is without limit
	DryRun   bool
	Progress Progress
	Found    func(LostAggregate) error // is called with each lost aggregate; may be nil
}

// LostAggregate is an aggregate that the log has and the database lacks.
type LostAggregate struct {
	Topic   string `json:"topic"`
	Key     string `json:"key"`
	Version int64  `json:"version"`          // the last one in the log
	Result  string `json:"result"`           // "recovered", "deleted" or "not rebuilt"
	Reason  string `json:"reason,omitempty"` // why it was not recovered
}

// Reasserted is what Reassert has done to one topic.
type Reasserted struct {
	Topic      string `json:"topic"`
	Raised     int    `json:"raised"`      // aggregates of the database that the log has too: their versions are past the log now
	Appended   int    `json:"appended"`    // aggregates of the database that the log lacks, and that were not pending
	Recovered  int    `json:"recovered"`   // lost aggregates that the database has again
	Deleted    int    `json:"deleted"`     // lost aggregates that are deleted now
	NotRebuilt int    `json:"not_rebuilt"` // lost aggregates that stay as they are in the log
	Unreadable int    `json:"unreadable"`  // records of the log that are not events
	Numbers    int    `json:"numbers"`     // keys of a topic of requests or outcomes whose numbers go on after those of the log
}

// Reassert makes the database the truth again after it has lost commits, and ends the halt histories_parted. It gives each
// aggregate a version past those in the log, and appends its present state to the outbox. So every copy takes this state. What
// the lost commits have changed in aggregates that the database still has, stays lost.
//
// It is only for the owner of the models. Never use it for a copy of a database while the original runs: it would publish
// the state of the copy over that of the original.
//
// The service may run meanwhile. An interrupted run has done whole pages; the next run does everything again.
func (s Service) Reassert(ctx context.Context, by audit.Operator, models []Model, o ReassertOptions) ([]Reasserted, error) {
	if o.Lost != Recover && o.Lost != Delete {
		return nil, fmt.Errorf("lost aggregates can be treated with %s or %s, not with %q", Recover, Delete, o.Lost)
	}
	present, err := outbox.LookAtLogs(ctx, s.Kafka, s.Publishes)
	if err != nil {
		return nil, fmt.Errorf("look at the topics that the service publishes: %w", err)
	}
	if err := pgtx.Run(ctx, s.Pool, "", func(tx pgx.Tx) error { return present.CheckSame(ctx, tx) }); err != nil {
		return nil, err
	}
	log, err := newPublishedLog(ctx, s.Pool)
	if err != nil {
		return nil, err
	}
	defer log.close(ctx)
	if err := log.read(ctx, s.Kafka, present, o.Progress); err != nil {
		return nil, err
	}
	r := &reassertion{run[Reasserted]{
		pool: s.Pool, record: record{by: by, command: "outbox reassert", dryRun: o.DryRun}, rate: o.Rate, progress: o.Progress, began: time.Now(),
	}, log, o}
	if r.total, err = log.count(ctx); err != nil {
		return nil, fmt.Errorf("count the keys of the logs: %w", err)
	}
	if err := r.topics(ctx, s.Publishes, models); err != nil {
		return r.results, err
	}
	return r.results, r.finish(ctx, present)
}

// reassertion is one run of Reassert.
type reassertion struct {
	run[Reasserted]
	log     *publishedLog
	options ReassertOptions
}

func (r *reassertion) topics(ctx context.Context, topics []string, models []Model) error {
	for _, m := range models {
		if err := r.topic(ctx, m.Topic, func(ctx context.Context, tx pgx.Tx, page []Published, result *Reasserted) ([]LostAggregate, error) {
			return r.raise(ctx, tx, m, page, result)
		}); err != nil {
			return err
		}
		if err := r.appendRest(ctx, m); err != nil {
			return fmt.Errorf("publish what the log of %s lacks: %w", m.Topic, err)
		}
	}
	for _, topic := range topics {
		if slices.ContainsFunc(models, func(m Model) bool { return m.Topic == topic }) {
			continue
		}
		if err := r.topic(ctx, topic, func(ctx context.Context, tx pgx.Tx, page []Published, result *Reasserted) ([]LostAggregate, error) {
			result.Numbers += len(page)
			keys, numbers := Keys(page)
			return nil, request.RaiseNumbers(ctx, tx, topic, keys, numbers)
		}); err != nil {
			return err
		}
	}
	return nil
}

// pageFunc changes the aggregates of a page, and counts in result what it has done. It returns the lost ones.
type pageFunc func(ctx context.Context, tx pgx.Tx, page []Published, result *Reasserted) ([]LostAggregate, error)

// topic calls change with all keys of the topic's log, page by page.
func (r *reassertion) topic(ctx context.Context, topic string, change pageFunc) error {
	r.results = append(r.results, Reasserted{Topic: topic, Unreadable: r.log.unreadable[topic]})
	for after := ""; ; {
		page, err := r.log.after(ctx, topic, after, r.limit())
		if err != nil {
			return fmt.Errorf("read the keys of the log of %s: %w", topic, err)
		}
		if len(page) == 0 {
			return nil
		}
		var lost []LostAggregate
		if err := r.page(ctx, func(tx pgx.Tx, result *Reasserted) (err error) {
			lost, err = change(ctx, tx, page, result)
			return err
		}); err != nil {
			return fmt.Errorf("reassert %s: %w", topic, err)
		}
		if err := r.tell(lost); err != nil {
			return err
		}
		after = page[len(page)-1].Key
		if err := r.pace(ctx, len(page)); err != nil {
			return err
		}
	}
}

// page runs f in one transaction in which versions may jump: see outbox_reasserts in sql/messaging.
func (r *reassertion) page(ctx context.Context, f func(pgx.Tx, *Reasserted) error) error {
	return r.run.page(ctx, func(tx pgx.Tx, id int64, result *Reasserted) error {
		if _, err := tx.Exec(ctx, `SELECT set_config('messaging.reassert', $1, true)`, strconv.FormatInt(id, 10)); err != nil {
			return fmt.Errorf("let versions jump: %w", err)
		}
		if err := f(tx, result); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `SET CONSTRAINTS ALL IMMEDIATE`) // the triggers that compare versions and events
		return err
	})
}

func (r *reassertion) tell(lost []LostAggregate) error {
	if r.options.Found == nil {
		return nil
	}
	for _, l := range lost {
		if err := r.options.Found(l); err != nil {
			return err
		}
	}
	return nil
}

// raise raises the versions of the aggregates that the database has, and rebuilds or deletes the others.
func (r *reassertion) raise(ctx context.Context, tx pgx.Tx, m Model, page []Published, result *Reasserted) ([]LostAggregate, error) {
	events, err := m.Raise(ctx, tx, page)
	if err != nil {
		return nil, err
	}
	result.Raised += len(events)
	if err := outbox.AppendAfterGap(ctx, tx, m.Topic, events); err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(events))
	for _, e := range events {
		known[e.Key] = true
	}
	var lost []LostAggregate
	for _, p := range page {
		if known[p.Key] {
			continue
		}
		last, err := r.log.last(ctx, m.Topic, p.Key)
		if err != nil {
			return nil, fmt.Errorf("read the last event of %s: %w", p.Key, err)
		}
		l := LostAggregate{Topic: m.Topic, Key: p.Key, Version: p.Version}
		if err := r.rebuild(ctx, tx, m, last, &l); err != nil {
			return nil, err
		}
		switch l.Result {
		case recovered:
			result.Recovered++
		case deleted:
			result.Deleted++
		case notRebuilt:
			result.NotRebuilt++
		default: // it was deleted before
			continue
		}
		lost = append(lost, l)
	}
	return lost, nil
}

// The results of a lost aggregate.
const (
	recovered  = "recovered"
	deleted    = "deleted"
	notRebuilt = "not rebuilt"
)

// rebuild rebuilds or deletes a lost aggregate, and stores the result in l. If the database refuses to have it again, it is
// deleted.
func (r *reassertion) rebuild(ctx context.Context, tx pgx.Tx, m Model, last event.Event, l *LostAggregate) error {
	if r.options.Lost == Recover {
		done, err := tryRebuild(ctx, tx, m, last, false)
		if done {
			l.Result = recovered
		}
		if !refused(err) {
			return err
		}
		l.Reason = err.Error()
	}
	done, err := tryRebuild(ctx, tx, m, last, true)
	if done {
		l.Result = deleted
	}
	if !refused(err) {
		return err
	}
	l.Result, l.Reason = notRebuilt, err.Error()
	return nil
}

// refused reports whether the fault is in the event, or in what it collides with.
func refused(err error) bool {
	return errors.Is(err, ErrUnfit) || slices.Contains([]string{"22", "23"}, pgtx.Class(err))
}

// tryRebuild calls Rebuild under a savepoint. It reports whether there was something to do.
func tryRebuild(ctx context.Context, tx pgx.Tx, m Model, last event.Event, deleted bool) (done bool, err error) {
	err = pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		e, err := m.Rebuild(ctx, tx, last, deleted)
		if err != nil || e.Type == "" {
			return err
		}
		done = true
		return outbox.Append(ctx, tx, e)
	})
	return done && err == nil, err
}

// appendRest appends the state of the aggregates that the log lacks.
func (r *reassertion) appendRest(ctx context.Context, m Model) error {
	for after, last := "", ""; ; after = last {
		err := r.page(ctx, func(tx pgx.Tx, result *Reasserted) error {
			events, err := m.Page(ctx, tx, after, r.limit())
			if last = ""; err != nil || len(events) == 0 {
				return err
			}
			last = events[len(events)-1].Key
			if events, err = r.log.without(ctx, m.Topic, events); err != nil {
				return err
			}
			if events, err = outbox.WithoutPending(ctx, tx, m.Topic, events); err != nil {
				return err
			}
			result.Appended += len(events)
			return outbox.Append(ctx, tx, events...)
		})
		if err != nil || last == "" {
			return err
		}
		if err := r.pace(ctx, 0); err != nil {
			return err
		}
	}
}

// finish lets the relay publish.
func (r *reassertion) finish(ctx context.Context, present outbox.PresentLogs) error {
	return r.record.change(ctx, r.pool, func(tx pgx.Tx, _ int64) (any, error) {
		_, err := outbox.AdoptReasserted(ctx, tx, present)
		return r.results, err
	})
}
