package repair

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// errDryRun rolls a transaction back that was only a trial.
var errDryRun = errors.New("nothing is changed")

// record is what the audit says about one command. A command with many transactions has one record, which says how far it got.
type record struct {
	by      audit.Operator // may be empty in a dry run, which stores no record
	command string
	dryRun  bool
	id      int64 // 0 until it is committed
}

// change runs f in one transaction, and records there what f returns. f gets the id of the record. A dry run is rolled back.
func (r *record) change(ctx context.Context, pool *pgxpool.Pool, f func(tx pgx.Tx, id int64) (detail any, err error)) error {
	var id int64
	err := pgtx.Run(ctx, pool, pgtx.BeginPinned, func(tx pgx.Tx) (err error) {
		if id = r.id; id == 0 {
			if id, err = audit.Record(ctx, tx, r.by, r.command, nil); err != nil {
				return err
			}
		}
		detail, err := f(tx, id)
		if err != nil {
			return err
		}
		if err := audit.Update(ctx, tx, id, detail); err != nil {
			return err
		}
		if r.dryRun {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		return nil
	}
	if err == nil {
		r.id = id
	}
	return err
}

// run is a command that changes many aggregates, page by page. R is its result for one topic.
type run[R any] struct {
	pool     *pgxpool.Pool
	record   record
	rate     int // aggregates in a second; 0 is without limit
	progress Progress
	began    time.Time

	done, total int
	results     []R // of the topics so far; the last one is that of the present topic
}

// page runs f in one transaction. f adds what it does to the result of the present topic.
func (r *run[R]) page(ctx context.Context, f func(tx pgx.Tx, id int64, result *R) error) error {
	last := len(r.results) - 1
	var next R
	err := r.record.change(ctx, r.pool, func(tx pgx.Tx, id int64) (any, error) {
		next = r.results[last]
		if err := f(tx, id, &next); err != nil {
			return nil, err
		}
		return append(slices.Clone(r.results[:last]), next), nil
	})
	if err == nil {
		r.results[last] = next
	}
	return err
}

// pace counts aggregates that are done, and waits so long that no more than rate are done in a second.
func (r *run[R]) pace(ctx context.Context, n int) error {
	r.done += n
	r.progress.tell(r.done, max(r.done, r.total))
	if r.rate <= 0 || r.record.dryRun {
		return ctx.Err()
	}
	wait := time.NewTimer(time.Until(r.began.Add(time.Duration(r.done) * time.Second / time.Duration(r.rate))))
	defer wait.Stop()
	select {
	case <-wait.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pageSize is the highest number of aggregates in one transaction. Their rows are locked until its end.
const pageSize = 200

// limit is the number of aggregates in one transaction. With a low rate, no transaction has those of a whole second.
func (r *run[R]) limit() int {
	if r.rate <= 0 {
		return pageSize
	}
	return min(pageSize, max(1, r.rate/5))
}
