package catalogchange_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

var input = catalogchange.Draft{Product: 17, Market: 3, Start: sent(day(1))}

// create sends the request for the entry.
func (b *bundle) create() catalogchange.Request {
	b.t.Helper()
	r, err := b.Create(b.t.Context(), input, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func TestCreate(t *testing.T) {
	t.Parallel()
	b := setup(t, catalogchange.Config{}, nil)
	at := noon.Truncate(time.Microsecond)
	want := catalogchange.Request{
		ID: entry, Operation: catalogchange.Create, Entry: entry, Product: chair, ProductVersion: 4, Number: 1,
		Values:    catalogchange.Values{Market: new("NL"), Start: sent(day(1))},
		Wanted:    catalogcopy.Entry{ID: 5, Product: 17, Market: 3, Start: day(1), UpdatedAt: at},
		CreatedAt: at, ExpiresAt: at.Add(24 * time.Hour),
	}
	if got := b.create(); !reflect.DeepEqual(got, want) || len(b.requests) != 1 || !reflect.DeepEqual(b.requests[0], want) {
		t.Errorf("sent %+v\nwant %+v", got, want)
	}
}

func TestUnknownReferences(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		draft    catalogchange.Draft
		pointers []string
	}{
		"Product": {catalogchange.Draft{Product: 18, Market: 3}, []string{"/product"}},
		"Market":  {catalogchange.Draft{Product: 17, Market: 4}, []string{"/market"}},
		"Both":    {catalogchange.Draft{Product: 18, Market: 4}, []string{"/product", "/market"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, catalogchange.Config{}, nil)
			_, created := b.Create(t.Context(), tt.draft, nil)
			b.show(1, nil, nil)
			_, patched := b.Patch(t.Context(), 5, tt.draft, nil, nil)
			for _, err := range []error{created, patched} {
				e, ok := apperr.As(err)
				if !ok || e.Kind != apperr.Invalid || e.Name() != "unknown-reference" {
					t.Fatalf("got %v", err)
				}
				var pointers []string
				for _, f := range e.Fields {
					pointers = append(pointers, f.Pointer)
				}
				if !reflect.DeepEqual(pointers, tt.pointers) {
					t.Errorf("pointers %q, want %q", pointers, tt.pointers)
				}
			}
			if len(b.requests) > 0 {
				t.Errorf("sent %+v", b.requests)
			}
		})
	}
}

// A request has the members that were sent, and nothing of the copy. What it is expected to lead to is for the caller alone.
func TestChange(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		op         catalogchange.Operation
		draft      catalogchange.Draft
		values     catalogchange.Values
		start, end *time.Time // wanted
	}{
		"PatchNothing":  {op: catalogchange.Patch, start: day(1), end: day(9)},
		"PatchOneDate":  {catalogchange.Patch, catalogchange.Draft{End: sent(day(5))}, catalogchange.Values{End: sent(day(5))}, day(1), day(5)},
		"PatchToNull":   {catalogchange.Patch, catalogchange.Draft{Start: sent(nil)}, catalogchange.Values{Start: sent(nil)}, nil, day(9)},
		"PatchTheRest":  {catalogchange.Patch, catalogchange.Draft{Product: 17, Market: 3}, catalogchange.Values{Product: &chair, Market: new("NL")}, day(1), day(9)},
		"Replace":       {catalogchange.Replace, catalogchange.Draft{Start: sent(day(2))}, catalogchange.Values{Start: sent(day(2))}, day(2), nil},
		"ReplaceByNull": {catalogchange.Replace, catalogchange.Draft{End: sent(nil)}, catalogchange.Values{End: sent(nil)}, nil, nil},
		"Delete":        {op: catalogchange.Delete, start: day(1), end: day(9)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, catalogchange.Config{}, nil)
			b.show(3, day(1), day(9))
			match := condition.Match{3}
			r, err := b.change(tt.op, tt.draft, match)
			if err != nil {
				t.Fatal(err)
			}
			at := noon.Truncate(time.Microsecond)
			want := catalogchange.Request{
				ID: entry, Operation: tt.op, Entry: entry, Product: chair, ProductVersion: 4, Number: 1, Match: match, Values: tt.values,
				Wanted:    catalogcopy.Entry{ID: 5, Product: 17, Market: 3, Start: tt.start, End: tt.end, UpdatedAt: at},
				CreatedAt: at, ExpiresAt: at.Add(24 * time.Hour),
			}
			if !reflect.DeepEqual(r, want) {
				t.Errorf("sent %+v\nwant %+v", r, want)
			}
		})
	}
}

func (b *bundle) change(op catalogchange.Operation, d catalogchange.Draft, match condition.Match) (catalogchange.Request, error) {
	switch op {
	case catalogchange.Replace:
		return b.Replace(b.t.Context(), 5, d, match, nil)
	case catalogchange.Patch:
		return b.Patch(b.t.Context(), 5, d, match, nil)
	default:
		return b.Delete(b.t.Context(), 5, match, nil)
	}
}

// The entry as it is wanted follows from the requests before, as long as they may still be carried out.
func TestWantedAfterOtherRequests(t *testing.T) {
	t.Parallel()
	end := catalogchange.Draft{End: sent(day(5))}
	tests := map[string]struct {
		prepare    func(b *bundle)
		start, end *time.Time
		version    int64 // of the product
	}{
		"PendingCreation": {func(b *bundle) { b.create() }, day(1), day(5), 6},
		"AcceptedCreationOnItsWay": {func(b *bundle) {
			b.create()
			b.decide(0, catalogchange.Accepted, 1)
		}, day(1), day(5), 6},
		"PendingCreationAndPatch": {func(b *bundle) {
			b.create()
			b.mustPatch(catalogchange.Draft{Start: sent(day(2))})
		}, day(2), day(5), 6},
		"PatchOfThePendingCreationRefused": {func(b *bundle) {
			b.create()
			b.mustPatch(catalogchange.Draft{Start: sent(day(2))})
			b.decide(0, catalogchange.Accepted, 1)
			b.decide(1, catalogchange.Refused, 0)
		}, day(1), day(5), 6},
		"PendingPatch": {func(b *bundle) {
			b.show(3, day(1), nil)
			b.mustPatch(catalogchange.Draft{Start: sent(day(2))})
		}, day(2), day(5), 4},
		"AcceptedPatchOnItsWay": {func(b *bundle) {
			b.show(3, day(1), nil)
			b.mustPatch(catalogchange.Draft{Start: sent(day(2))})
			b.decide(0, catalogchange.Accepted, 4)
		}, day(2), day(5), 4},
		"AcceptedPatchOfAnOlderVersion": {func(b *bundle) {
			b.show(3, day(1), nil)
			b.mustPatch(catalogchange.Draft{Start: sent(day(2))})
			b.decide(0, catalogchange.Accepted, 4)
			b.show(5, day(7), nil)
		}, day(7), day(5), 4},
		"RefusedPatch": {func(b *bundle) {
			b.show(3, day(1), nil)
			b.mustPatch(catalogchange.Draft{Start: sent(day(2))})
			b.decide(0, catalogchange.Refused, 0)
		}, day(1), day(5), 4},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, catalogchange.Config{}, nil)
			tt.prepare(b)
			r, err := b.Patch(t.Context(), 5, end, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if w := r.Wanted; !reflect.DeepEqual(w.Start, tt.start) || !reflect.DeepEqual(w.End, tt.end) || w.ID != 5 || w.Product != 17 || w.Market != 3 {
				t.Errorf("wanted %+v", w)
			}
			if r.Entry != entry || r.Product != chair || r.ProductVersion != tt.version || r.Values.Start.Sent {
				t.Errorf("sent %+v", r)
			}
		})
	}
}

func (b *bundle) mustPatch(d catalogchange.Draft) {
	b.t.Helper()
	if _, err := b.Patch(b.t.Context(), 5, d, nil, nil); err != nil {
		b.t.Fatal(err)
	}
}

// What can be changed, and what a reader of an entry that is not there learns.
func TestMissing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare   func(b *bundle)
		read      string // the name of the reader's error
		changeErr string // of the error of a change; empty if the request is sent
	}{
		"NeverAllotted":            {func(*bundle) {}, "not-found", "not-found"},
		"PendingCreation":          {func(b *bundle) { b.create() }, "change-pending", ""},
		"UnreadableCreation":       {func(b *bundle) { b.create(); b.requests[0].Unreadable = true }, "change-pending", ""},
		"OverdueCreation":          {func(b *bundle) { b.create(); b.now = noon.Add(48 * time.Hour) }, "change-pending", ""},
		"AcceptedCreationOnItsWay": {func(b *bundle) { b.create(); b.decide(0, catalogchange.Accepted, 1) }, "change-pending", ""},
		"RefusedCreation":          {func(b *bundle) { b.create(); b.decide(0, catalogchange.Refused, 0) }, "change-refused", "change-refused"},
		"ExpiredCreation":          {func(b *bundle) { b.create(); b.decide(0, catalogchange.Expired, 0) }, "change-refused", "change-refused"},
		"ForgottenCreation":        {func(b *bundle) { b.create(); b.requests = nil }, "not-found", "not-found"},
		"CreatedAndDeleted": {func(b *bundle) {
			b.create()
			b.decide(0, catalogchange.Accepted, 1)
			b.target.Copy = catalogchange.Copy{Version: 2, Deleted: true}
		}, "not-found", "not-found"},
		"CreatedAndHidden": {func(b *bundle) { // the copy has the entry, but its market is not known here yet
			b.create()
			b.decide(0, catalogchange.Accepted, 1)
			b.target.Copy = catalogchange.Copy{Version: 1}
		}, "change-pending", ""},
		"Hidden": {func(b *bundle) { // its market is not known here
			b.show(1, nil, nil)
			b.target.Copy.Shown = nil
		}, "not-found", "not-found"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, catalogchange.Config{}, nil)
			tt.prepare(b)
			err := b.Missing(t.Context(), 5, apperr.New(apperr.NotFound, "x"))
			if e, ok := apperr.As(err); !ok || e.Kind != apperr.NotFound || e.Name() != tt.read {
				t.Errorf("a reader gets %v, want %s", err, tt.read)
			}
			for _, op := range []catalogchange.Operation{catalogchange.Replace, catalogchange.Patch, catalogchange.Delete} {
				_, err := b.change(op, catalogchange.Draft{}, nil)
				if e, ok := apperr.As(err); (err != nil) != (tt.changeErr != "") || ok && (e.Kind != apperr.NotFound || e.Name() != tt.changeErr) {
					t.Errorf("%s gets %v, want %q", op, err, tt.changeErr)
				}
			}
		})
	}
}

// An error that does not say that the entry is missing stays as it is.
func TestMissingKeepsOtherErrors(t *testing.T) {
	t.Parallel()
	b := setup(t, catalogchange.Config{}, nil)
	away := apperr.New(apperr.Unavailable, "away")
	if err := b.Missing(t.Context(), 5, away); !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
	b.err = away
	if err := b.Missing(t.Context(), 5, apperr.New(apperr.NotFound, "x")); !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, catalogchange.Config{}, nil)
	once := &condition.Once{ID: [32]byte{1}, Fingerprint: [32]byte{2}}
	first, err := b.Create(t.Context(), input, once)
	if err != nil {
		t.Fatal(err)
	}
	b.decide(0, catalogchange.Refused, 0)
	// Also what is not valid any more gets the first request: the product may have been deleted in the meantime.
	again, err := b.Create(t.Context(), catalogchange.Draft{Product: 99, Market: 99}, once)
	if err != nil || again.ID != first.ID || again.Outcome == nil || len(b.requests) != 1 {
		t.Errorf("again: %+v, %v", again, err)
	}
	_, err = b.Create(t.Context(), input, &condition.Once{ID: once.ID})
	if e, ok := apperr.As(err); !ok || e.Name() != "idempotency-key-reused" {
		t.Errorf("another body: %v", err)
	}
}

// A closed service sends nothing new, and goes on with what was sent.
func TestClosed(t *testing.T) {
	t.Parallel()
	b := setup(t, catalogchange.Config{Closed: true}, nil)
	b.show(1, nil, nil)
	once := &condition.Once{ID: [32]byte{1}}
	refused := func(what string, err error) {
		t.Helper()
		if e, ok := apperr.As(err); !ok || e.Kind != apperr.Conflict || e.Name() != catalogchange.CodeNotTheOwner {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := b.Create(t.Context(), input, nil)
	refused("create", err)
	_, err = b.Create(t.Context(), input, once)
	refused("create with a key", err)
	for _, op := range []catalogchange.Operation{catalogchange.Replace, catalogchange.Patch, catalogchange.Delete} {
		_, err := b.change(op, catalogchange.Draft{}, nil)
		refused(string(op), err)
	}
	if len(b.requests) > 0 {
		t.Errorf("sent %+v", b.requests)
	}
	open := setup(t, catalogchange.Config{}, nil)
	first, err := open.Create(t.Context(), input, once)
	if err != nil {
		t.Fatal(err)
	}
	*b.memStore = *open.memStore
	if again, err := b.Create(t.Context(), input, once); err != nil || again.ID != first.ID {
		t.Errorf("a repetition: %+v, %v", again, err)
	}
	if a, err := b.Get(t.Context(), first.ID); err != nil || a.State != catalogchange.Pending {
		t.Errorf("the request that was sent: %+v, %v", a, err)
	}
}
