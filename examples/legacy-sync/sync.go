package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
)

// state is what became of a row.
type state int

// The states. A row that is open may still have been sent: then its answer was lost.
const (
	open state = iota // nothing is known yet
	created
	changed
	unchanged
	pending // its outcome is not known yet
	refused
)

// row is a row of the file, and what became of it.
type row struct {
	availability
	at    place
	state state
	// While the row is pending: what it becomes when the change is done. Without a change, the row has to be compared with the
	// catalog again, because another client was faster.
	goal    state
	change  *change
	problem error // why the row was refused
}

// syncer makes the catalog equal to the rows of a file.
type syncer struct {
	legacy   *legacy
	rows     []*row
	progress func(what string, done, total int)
}

func newSyncer(l *legacy, file []availability, progress func(what string, done, total int)) *syncer {
	s := &syncer{legacy: l, progress: progress}
	for _, a := range file {
		s.rows = append(s.rows, &row{availability: a})
	}
	return s
}

// run sends what differs from the catalog, and waits for outcomes as long as wait says. An error ends the run, and leaves rows
// open. With dryRun it sends nothing, and the rows have the state that they would get.
func (s *syncer) run(ctx context.Context, wait time.Duration, dryRun bool) error {
	// The entries are read first. The markets of these entries exist by then.
	entries, err := s.legacy.entries(ctx, nil)
	if err != nil {
		return err
	}
	if err := s.locate(ctx); err != nil {
		return err
	}
	for i, r := range s.rows {
		s.progress("rows sent", i, len(s.rows))
		if r.state != open {
			continue
		}
		e, exists := entries[r.at]
		if dryRun {
			r.state = r.difference(e, exists)
		} else if err := s.send(ctx, r, e, exists); err != nil {
			return fmt.Errorf("line %d: %w", r.line, err)
		}
	}
	if dryRun {
		return nil
	}
	return s.await(ctx, wait)
}

// locate finds the markets of the rows.
func (s *syncer) locate(ctx context.Context) error {
	markets, err := s.legacy.markets(ctx)
	if err != nil {
		return err
	}
	for _, r := range s.rows {
		id, known := markets[r.market]
		r.at = place{r.product, id}
		if !known {
			r.state, r.problem = refused, fmt.Errorf("the market %s is not known", r.market)
		}
	}
	return nil
}

// difference returns what has to be done with an entry, as the state of the row afterwards.
func (r *row) difference(e entry, exists bool) state {
	switch {
	case !exists:
		return created
	case e.dates != r.dates:
		return changed
	default:
		return unchanged
	}
}

// send asks for what a row needs. An error ends the run.
func (s *syncer) send(ctx context.Context, r *row, e entry, exists bool) (err error) {
	r.goal, r.change = r.difference(e, exists), nil
	switch r.goal {
	case created:
		r.change, err = s.legacy.create(ctx, r.at, r.dates)
	case changed:
		// The list may be old by now. The condition must be on the dates that are compared.
		var etag string
		if e.dates, etag, err = s.legacy.read(ctx, e.id); err != nil {
			break
		}
		if r.goal = r.difference(e, true); r.goal == changed {
			r.change, err = s.legacy.patch(ctx, e.id, etag, e.dates, r.dates)
		}
	}
	return r.take(r.change != nil, err)
}

// take notes what became of a row. An error that says nothing about the row ends the run.
func (r *row) take(isPending bool, err error) error {
	problem, isProblem := errors.AsType[*apiclient.Problem](err)
	switch {
	case err == nil && isPending:
		r.state = pending
	case err == nil:
		r.state = r.goal
	case anotherWasFaster(err):
		r.state, r.change = pending, nil
	case isProblem && problem.Status < http.StatusInternalServerError && problem.Name() != apiclient.NotTheOwner:
		r.state, r.problem = refused, err
	default:
		return err
	}
	return nil
}

// anotherWasFaster reports whether an entry was created, changed or deleted since it was compared. An earlier run of this
// program may have asked for it, while the owner of the catalog was away.
func anotherWasFaster(err error) bool {
	for _, name := range []string{apiclient.EntryExists, apiclient.Stale, apiclient.NotFound} {
		if apiclient.IsProblem(err, name) {
			return true
		}
	}
	return false
}

// shortestPause separates two rounds if the monolith does not ask for a longer pause.
const shortestPause = time.Second

// await looks at the rows that are pending, in rounds, until none is left or the time is over. There is at least one round.
func (s *syncer) await(ctx context.Context, limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; {
		left, pause, err := s.round(ctx)
		if err != nil || left == 0 || time.Until(deadline) < pause {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// round looks once at each row that is pending. It returns how many are left, and how long to wait before the next round.
func (s *syncer) round(ctx context.Context) (left int, pause time.Duration, err error) {
	pause = shortestPause
	for _, r := range s.rows {
		if r.state != pending {
			continue
		}
		again, err := s.pursue(ctx, r)
		if err != nil {
			return 0, 0, fmt.Errorf("line %d: %w", r.line, err)
		}
		pause = max(pause, again)
		if r.state == pending {
			left++
		}
	}
	s.progress("rows finished", len(s.rows)-left, len(s.rows))
	return left, pause, nil
}

// pursue looks what became of a row, and compares it again if another client was faster.
func (s *syncer) pursue(ctx context.Context, r *row) (pause time.Duration, err error) {
	if r.change != nil {
		isPending, pause, err := s.legacy.look(ctx, *r.change)
		if err := r.take(isPending, err); err != nil {
			return 0, err
		}
		if r.state != pending || r.change != nil {
			return pause, nil
		}
	}
	entries, err := s.legacy.entries(ctx, &r.product)
	if err != nil {
		return 0, err
	}
	e, exists := entries[r.at]
	if !exists && r.goal == created {
		return 0, nil // the entry exists at its owner, and has not arrived here yet
	}
	return 0, s.send(ctx, r, e, exists)
}
