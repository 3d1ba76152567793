package bulkimport

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/apperr"
)

// writers is the number of records that the first pass writes at the same time. It is large enough that commits share
// disk flushes.
const writers = 8

// inMemory is the number of records that are in memory at the same time, when they are written again. The input is read once for
// so many records.
const inMemory = 10_000

// errInterrupted is the error when the caller ended the import.
var errInterrupted = errors.New("interrupted")

// writer writes the records of one import.
type writer[T any] struct {
	model    Model[T]
	progress func(Progress)
	total    int

	mu        sync.Mutex
	summary   Summary
	done      int
	faults    *Faults // of the records that the service refuses
	conflicts conflicts
}

// conflicts are the records of the current pass that contradict the stored data. Their values are not kept: a later pass reads
// them again.
type conflicts struct {
	numbers []int32 // in the input
	faults  Faults
}

// write writes all records, in any order. It tries a record that conflicts with the stored data again after the others:
// the conflict may be gone by then, because another record gave up a name, for example. It ends when a pass writes no
// further record.
func (w *writer[T]) write(ctx context.Context, all *reading[T]) error {
	err := w.pass(ctx, all.records, writers)
	if err == nil && all.err != nil {
		err = w.stopped(ctx, all.err)
	}
	for before := 0; err == nil && w.done > before; {
		before = w.done
		again := w.conflicts.numbers
		w.conflicts = conflicts{}
		err = w.backwards(ctx, all, again)
	}
	if err != nil {
		return err
	}
	w.faults.addAll(&w.conflicts.faults)
	return w.faults.orNil()
}

// backwards writes the records with these numbers again, the last one first, and one at a time. If each record waits for the
// record after it, this one pass writes them all.
func (w *writer[T]) backwards(ctx context.Context, all *reading[T], numbers []int32) error {
	slices.Sort(numbers)
	for len(numbers) > 0 {
		rest := max(0, len(numbers)-inMemory)
		some := all.numbered(numbers[rest:])
		if all.err != nil {
			return w.stopped(ctx, all.err)
		}
		slices.Reverse(some)
		err := w.pass(ctx, func(yield func(int, record[T]) bool) {
			for _, one := range some {
				if !yield(one.I, one.Record) {
					return
				}
			}
		}, 1)
		if err != nil {
			return err
		}
		numbers = numbers[:rest]
	}
	return nil
}

// pass writes records, atOnce of them at the same time. It lists the faults of those that the service refuses, and keeps those
// that conflict with the stored data. It returns an error only if the system failed.
func (w *writer[T]) pass(ctx context.Context, records iter.Seq2[int, record[T]], atOnce int) error {
	workers, failed := errgroup.WithContext(ctx)
	workers.SetLimit(atOnce)
	for i, r := range records {
		workers.Go(func() error {
			if err := failed.Err(); err != nil {
				return err
			}
			return w.one(failed, i, r)
		})
		if failed.Err() != nil {
			break
		}
	}
	if err := workers.Wait(); err != nil {
		return w.stopped(ctx, err)
	}
	return nil
}

// stopped returns the error of an import that ended before its end.
func (w *writer[T]) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = errInterrupted
	}
	return fmt.Errorf("import stopped after %d of %d %s; run it again to go on: %w", w.done, w.total, w.model.Name, err)
}

func (w *writer[T]) one(ctx context.Context, i int, r record[T]) error {
	outcome, err := w.model.Write(ctx, r.value)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil && apperr.KindOf(err) == apperr.Conflict:
		w.conflicts.numbers = append(w.conflicts.numbers, int32(i))
		w.conflicts.faults.add(lineFaults(r.line, err)...)
		return nil
	case err != nil && refused(err):
		w.faults.add(lineFaults(r.line, err)...)
		return nil
	case err != nil:
		return fmt.Errorf("%s:%d: %w", w.faults.Source, r.line, err)
	case outcome == Created:
		w.summary.Created++
	case outcome == Updated:
		w.summary.Updated++
	default:
		w.summary.Unchanged++
	}
	w.done++
	w.progress(Progress{Phase: Writing, Done: w.done, Total: w.total})
	return nil
}

// refused reports whether err is a fault of the record and not of the system.
func refused(err error) bool {
	switch apperr.KindOf(err) {
	case apperr.Invalid, apperr.Malformed, apperr.NotFound, apperr.Stale:
		return true
	default:
		return false
	}
}
