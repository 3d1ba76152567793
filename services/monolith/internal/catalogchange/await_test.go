package catalogchange_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
)

var errEnded = errors.New("the wait has ended")

// TestAwait lets the owner do something during each wait. The wait ends with an error when the owner has nothing more to do.
func TestAwait(t *testing.T) {
	t.Parallel()
	const waitsForOutcome, waitsForCopy = "request %s 1", "catalog entry copy %s 3"
	decided := func(kind catalogchange.Kind, version int64) func(b *bundle) {
		return func(b *bundle) { b.decide(0, kind, version) }
	}
	arrived := func(version int64) func(b *bundle) { return func(b *bundle) { b.show(version, day(2), nil) } }
	tests := map[string]struct {
		before []func(b *bundle) // what has happened when the wait begins
		during []func(b *bundle) // what happens during each wait
		waits  []string
		state  catalogchange.State
	}{
		"NoOutcome":          {nil, nil, []string{waitsForOutcome}, catalogchange.Pending},
		"OutcomeThenCopy":    {nil, []func(*bundle){decided(catalogchange.Accepted, 3), arrived(3)}, []string{waitsForOutcome, waitsForCopy}, catalogchange.Done},
		"CopyThenOutcome":    {[]func(*bundle){arrived(3)}, []func(*bundle){decided(catalogchange.Accepted, 3)}, []string{waitsForOutcome}, catalogchange.Done},
		"OutcomeWithoutCopy": {nil, []func(*bundle){decided(catalogchange.Accepted, 3)}, []string{waitsForOutcome, waitsForCopy}, catalogchange.Pending},
		"Unchanged":          {[]func(*bundle){arrived(3)}, []func(*bundle){decided(catalogchange.Unchanged, 3)}, []string{waitsForOutcome}, catalogchange.Done},
		"ACopyThatIsNewer":   {[]func(*bundle){arrived(5)}, []func(*bundle){decided(catalogchange.Accepted, 3)}, []string{waitsForOutcome}, catalogchange.Done},
		"Refused":            {nil, []func(*bundle){decided(catalogchange.Refused, 0)}, []string{waitsForOutcome}, catalogchange.NotDone},
		"Expired":            {nil, []func(*bundle){decided(catalogchange.Expired, 0)}, []string{waitsForOutcome}, catalogchange.NotDone},
		"DecidedBefore":      {[]func(*bundle){decided(catalogchange.Accepted, 3)}, []func(*bundle){arrived(3)}, []string{waitsForCopy}, catalogchange.Done},
		"RefusedBefore":      {[]func(*bundle){decided(catalogchange.Refused, 0)}, nil, nil, catalogchange.NotDone},
		"EverythingIsThere":  {[]func(*bundle){decided(catalogchange.Accepted, 3), arrived(3)}, nil, nil, catalogchange.Done},
		"ACopyThatIsNotShown": {nil, []func(*bundle){decided(catalogchange.Accepted, 3), func(b *bundle) {
			b.show(3, nil, nil)
			b.target.Copy.Shown = nil // its market is not known here
		}}, []string{waitsForOutcome, waitsForCopy}, catalogchange.Pending},
		"TheDatabaseGoesAway": {nil, []func(*bundle){func(b *bundle) { b.err = apperr.New(apperr.Unavailable, "away") }}, []string{waitsForOutcome}, catalogchange.Pending},
		"AndDuringTheSecondWait": {nil, []func(*bundle){
			decided(catalogchange.Accepted, 3), func(b *bundle) { b.err = apperr.New(apperr.Unavailable, "away") },
		}, []string{waitsForOutcome, waitsForCopy}, catalogchange.Pending},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b *bundle
			var waits []string
			b = setup(t, catalogchange.Config{}, func(kind, id string, version int64) error {
				waits = append(waits, fmt.Sprintf("%s %s %d", kind, id, version))
				if len(waits) > len(tt.during) {
					return errEnded
				}
				tt.during[len(waits)-1](b)
				return nil
			})
			b.show(2, day(1), nil)
			if _, err := b.Patch(t.Context(), 5, catalogchange.Draft{Start: sent(day(2))}, nil, nil); err != nil {
				t.Fatal(err)
			}
			b.requests[0].ID = chair // so that the ids of the request and of the entry differ
			for _, f := range tt.before {
				f(b)
			}
			a, err := b.Await(t.Context(), b.requests[0])
			if err != nil || a.State != tt.state || a.ID != chair {
				t.Errorf("got %+v, %v, want %s", a, err, tt.state)
			}
			ids := map[string]string{waitsForOutcome: chair.String(), waitsForCopy: entry.String()}
			var want []string
			for _, w := range tt.waits {
				want = append(want, fmt.Sprintf(w, ids[w]))
			}
			if !reflect.DeepEqual(waits, want) {
				t.Errorf("waited for %q, want %q", waits, want)
			}
			if a.State == catalogchange.Done && !reflect.DeepEqual(a.Result, *b.target.Copy.Shown) {
				t.Errorf("result %+v", a.Result)
			}
		})
	}
}

// A fault of the service must not look like a request that is pending forever.
func TestAwaitTellsFaults(t *testing.T) {
	t.Parallel()
	fault := errors.New("cannot be decoded")
	var b *bundle
	b = setup(t, catalogchange.Config{}, func(string, string, int64) error {
		b.err = fault
		return nil
	})
	r := b.create()
	if _, err := b.Await(t.Context(), r); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if a, err := b.Await(ended, r); err != nil || a.State != catalogchange.Pending {
		t.Errorf("after the end of the wait: %+v, %v", a, err)
	}
}

// An entry that was deleted after the change is shown as the change left it.
func TestDeletedInTheMeantime(t *testing.T) {
	t.Parallel()
	b := setup(t, catalogchange.Config{}, nil)
	r := b.create()
	b.decide(0, catalogchange.Accepted, 1)
	b.target.Copy = catalogchange.Copy{Version: 2, Deleted: true}
	a, err := b.Get(t.Context(), r.ID)
	if err != nil || a.State != catalogchange.Done {
		t.Fatalf("got %+v, %v", a, err)
	}
	if e := a.Result; e.ID != 5 || e.Product != 17 || e.Market != 3 || !reflect.DeepEqual(e.Start, day(1)) || e.End != nil ||
		e.Version != 1 || !e.UpdatedAt.Equal(noon.Add(time.Second)) {
		t.Errorf("result %+v", e)
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	b := setup(t, catalogchange.Config{}, nil)
	r := b.create()
	pending := func(overdue bool) {
		t.Helper()
		if a, err := b.Get(t.Context(), r.ID); err != nil || a.State != catalogchange.Pending || a.Overdue != overdue {
			t.Errorf("got %+v, %v, want overdue: %t", a, err, overdue)
		}
	}
	b.now = r.ExpiresAt
	pending(false)
	b.now = r.ExpiresAt.Add(time.Microsecond)
	pending(true)
	b.decide(0, catalogchange.Accepted, 1) // the first outcome wins, also a late one
	pending(false)                         // the copy has not arrived
	if _, err := b.Get(t.Context(), uuid.New()); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("an unknown request: %v", err)
	}
}
