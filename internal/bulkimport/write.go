package bulkimport

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/apperr"
)

// writers is the number of records that the first pass writes at the same time. It is large enough that commits share
// disk flushes.
const writers = 8

// errInterrupted is the error when the caller ended the import.
var errInterrupted = errors.New("interrupted")

// writer writes the records of one import.
type writer[T any] struct {
	model    Model[T]
	in       Input
	progress func(done, total int)
	total    int

	mu      sync.Mutex
	summary Summary
	done    int
	refused []refusal[T] // in the current pass
}

type refusal[T any] struct {
	record[T]
	err error
}

// write writes all records, in any order. It tries a record that conflicts with the stored data again after the others:
// the conflict may be gone by then, because another record gave up a name, for example. It ends when a pass writes no
// further record.
func (w *writer[T]) write(ctx context.Context, records []record[T]) error {
	faults := &Faults{Source: w.in.Source}
	for atOnce := writers; len(records) > 0; atOnce = 1 {
		if err := w.pass(ctx, records, atOnce); err != nil {
			return err
		}
		var again []record[T]
		stuck := len(w.refused) == len(records)
		for _, r := range w.refused {
			if !stuck && apperr.KindOf(r.err) == apperr.Conflict {
				again = append(again, r.record)
			} else {
				faults.List = append(faults.List, lineFaults(w.line(r.record), r.err)...)
			}
		}
		// The next pass goes backwards and writes one record at a time. If each record waits for the record after it, this
		// one pass writes them all.
		slices.SortFunc(again, func(a, b record[T]) int { return b.row - a.row })
		records, w.refused = again, nil
	}
	return faults.orNil()
}

// pass writes records, atOnce of them at the same time, and keeps those that the service refuses. It returns an error only
// if the system failed.
func (w *writer[T]) pass(ctx context.Context, records []record[T], atOnce int) error {
	workers, failed := errgroup.WithContext(ctx)
	workers.SetLimit(atOnce)
	for _, r := range records {
		workers.Go(func() error {
			if err := failed.Err(); err != nil {
				return err
			}
			return w.one(failed, r)
		})
	}
	err := workers.Wait()
	if err != nil && ctx.Err() != nil {
		err = errInterrupted
	}
	if err != nil {
		return fmt.Errorf("import stopped after %d of %d %s; run it again to go on: %w", w.done, w.total, w.model.Name, err)
	}
	return nil
}

func (w *writer[T]) one(ctx context.Context, r record[T]) error {
	outcome, err := w.model.Write(ctx, r.value)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil && refused(err):
		w.refused = append(w.refused, refusal[T]{r, err})
		return nil
	case err != nil:
		return fmt.Errorf("%s:%d: %w", w.in.Source, w.line(r), err)
	case outcome == Created:
		w.summary.Created++
	case outcome == Updated:
		w.summary.Updated++
	default:
		w.summary.Unchanged++
	}
	w.done++
	w.progress(w.done, w.total)
	return nil
}

func (w *writer[T]) line(r record[T]) int { return w.in.Rows[r.row].Line }

// refused reports whether err is a fault of the record and not of the system.
func refused(err error) bool {
	switch apperr.KindOf(err) {
	case apperr.Invalid, apperr.Malformed, apperr.Conflict, apperr.NotFound, apperr.Stale:
		return true
	default:
		return false
	}
}
