package catalogchange

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Stage is how far a request is.
type Stage string

// The stages of requests.
const (
	StagePending Stage = "pending" // the owner has not decided
	StageDone    Stage = "done"    // the entry is as the request wants it
	StageRefused Stage = "refused"
	StageExpired Stage = "expired"
)

// Stages returns all stages.
func Stages() []Stage { return []Stage{StagePending, StageRefused, StageExpired, StageDone} }

// Stage returns how far the request is.
func (r Request) Stage() Stage {
	switch {
	case r.Outcome == nil:
		return StagePending
	case r.Outcome.succeeded():
		return StageDone
	case r.Outcome.Kind == Expired:
		return StageExpired
	}
	return StageRefused
}

// Query says which requests a list has.
type Query struct {
	Stage  Stage // only requests at this stage; all if it is empty
	Oldest bool  // the oldest first; otherwise the newest
	After  *uuid.UUID
	Limit  int
}

// List returns requests in the order in which they were sent.
func (s *Service) List(ctx context.Context, q Query) ([]Request, error) { return s.store.List(ctx, q) }

// Count returns how many requests are at each stage. It counts at most most of each.
func (s *Service) Count(ctx context.Context, most int) (map[Stage]int, error) {
	return s.store.Count(ctx, most)
}

// Creations returns the requests to create an entry that the owner has not decided about, and then those that it has refused since a
// time. Of both it returns at most limit, the newest first.
func (s *Service) Creations(ctx context.Context, since time.Time, limit int) ([]Request, error) {
	return s.store.Creations(ctx, since, limit)
}

// mostDone is among how many requests Unsettled looks for a later one.
const mostDone = 500

// Unsettled returns the requests without those that were refused or expired, and after which another request for the same product and
// market was carried out: the person who asked has mended the fault.
func (s *Service) Unsettled(ctx context.Context, requests []Request) ([]Request, error) {
	failed := func(r Request) bool { return r.Stage() == StageRefused || r.Stage() == StageExpired }
	if !slices.ContainsFunc(requests, failed) {
		return requests, nil
	}
	done, err := s.store.List(ctx, Query{Stage: StageDone, Limit: mostDone})
	if err != nil {
		return nil, err
	}
	type place struct{ product, market int64 }
	placeOf := func(r Request) place { return place{r.Wanted.Product, r.Wanted.Market} }
	last := map[place]time.Time{}
	for _, r := range done {
		if at := placeOf(r); r.CreatedAt.After(last[at]) {
			last[at] = r.CreatedAt
		}
	}
	return slices.DeleteFunc(slices.Clone(requests), func(r Request) bool { return failed(r) && last[placeOf(r)].After(r.CreatedAt) }), nil
}

// Request returns a request as it is. It fails with NotFound if there is none.
func (s *Service) Request(ctx context.Context, id uuid.UUID) (Request, error) {
	return s.store.Request(ctx, id)
}
