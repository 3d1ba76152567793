package entry_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
)

// in runs f in a transaction of the store.
func in(t *testing.T, store *memStore, f func(tx entry.Tx) error) error {
	t.Helper()
	return store.InTx(t.Context(), f)
}

// The methods with a transaction use only that one. Their events have its cause.
func TestChangesInATransactionOfTheCaller(t *testing.T) {
	t.Parallel()
	service, store := setup(t)
	cause := uuid.UUID{9}
	steps := []func(tx entry.Tx) (entry.Entry, bool, error){
		func(tx entry.Tx) (entry.Entry, bool, error) {
			e, err := service.CreateIn(t.Context(), tx, id, draft(chair, "NL", "2026-03-01", ""))
			return e, true, err
		},
		func(tx entry.Tx) (entry.Entry, bool, error) {
			return service.PatchIn(t.Context(), tx, id, entry.Patch{Start: new(day("2026-03-01"))}, condition.Match{1})
		},
		func(tx entry.Tx) (entry.Entry, bool, error) {
			return service.PatchIn(t.Context(), tx, id, entry.Patch{End: new(day("2026-04-01"))}.Replacing(), condition.Match{1})
		},
		func(tx entry.Tx) (entry.Entry, bool, error) {
			e, err := service.DeleteIn(t.Context(), tx, id, condition.Match{2})
			return e, true, err
		},
	}
	var got []string
	err := in(t, store, func(tx entry.Tx) error {
		for _, step := range steps {
			e, changed, err := step(entry.CausedBy(tx, cause))
			if err != nil {
				return err
			}
			got = append(got, fmt.Sprintf("%x v%d %s %t %t", e.ID[0], e.Version, offer(e), changed, e.Deleted))
		}
		return nil
	})
	check(t, err, "")
	want := []string{
		"1 v1 2026-03-01.. true false", "1 v1 2026-03-01.. false false", "1 v2 ..2026-04-01 true false", "1 v3 ..2026-04-01 true true",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if list := store.announced(); len(list) != 3 {
		t.Errorf("announced %q", list)
	}
	for _, e := range store.events {
		if e.Cause != cause {
			t.Errorf("%s is caused by %s", e.Kind, e.Cause)
		}
	}
}

// They refuse what the methods with a transaction of their own refuse.
func TestRefusalsInATransactionOfTheCaller(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do   func(s *entry.Service, tx entry.Tx) error
		want string
	}{
		"CreateInvalid": {func(s *entry.Service, tx entry.Tx) error {
			_, err := s.CreateIn(t.Context(), tx, uuid.UUID{2}, draft(chair, "nl", "", ""))
			return err
		}, "invalid"},
		"CreateUnknown": {func(s *entry.Service, tx entry.Tx) error {
			_, err := s.CreateIn(t.Context(), tx, uuid.UUID{2}, draft(nobody, "NL", "", ""))
			return err
		}, "unknown-reference"},
		"CreateTaken": {func(s *entry.Service, tx entry.Tx) error {
			_, err := s.CreateIn(t.Context(), tx, uuid.UUID{2}, draft(chair, "BE", "", ""))
			return err
		}, "entry-exists"},
		"PatchStale": {func(s *entry.Service, tx entry.Tx) error {
			_, _, err := s.PatchIn(t.Context(), tx, id, entry.Patch{}, condition.Match{2})
			return err
		}, "stale"},
		"PatchNone": {func(s *entry.Service, tx entry.Tx) error {
			_, _, err := s.PatchIn(t.Context(), tx, nobody, entry.Patch{}, nil)
			return err
		}, "not-found"},
		"PatchInvalid": {func(s *entry.Service, tx entry.Tx) error {
			_, _, err := s.PatchIn(t.Context(), tx, id, entry.Patch{Market: new("NL")}, nil)
			return err
		}, "invalid"},
		"DeleteStale": {func(s *entry.Service, tx entry.Tx) error {
			_, err := s.DeleteIn(t.Context(), tx, id, condition.Match{})
			return err
		}, "stale"},
		"DeleteNone": {func(s *entry.Service, tx entry.Tx) error {
			_, err := s.DeleteIn(t.Context(), tx, nobody, nil)
			return err
		}, "not-found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, store := setup(t, stored(id, draft(chair, "BE", "", ""), 1))
			check(t, in(t, store, func(tx entry.Tx) error { return tt.do(service, tx) }), tt.want)
			if list := store.announced(); list != nil {
				t.Errorf("announced %q", list)
			}
		})
	}
}
