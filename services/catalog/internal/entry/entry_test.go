package entry_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
)

var (
	then   = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	now    = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)
	chair  = uuid.UUID{0xc}
	relic  = uuid.UUID{0xd} // discontinued
	nobody = uuid.UUID{0xf} // not known
	id     = uuid.UUID{1}
)

func day(s string) entry.Date {
	if s == "" {
		return entry.Date{}
	}
	d, err := entry.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

func draft(product uuid.UUID, market, start, end string) entry.Draft {
	return entry.Draft{Product: product, Market: market, Start: day(start), End: day(end)}
}

func stored(id uuid.UUID, d entry.Draft, version int64) entry.Entry {
	return entry.Entry{ID: id, Draft: d, Version: version, CreatedAt: then, UpdatedAt: then}
}

func setup(t *testing.T, entries ...entry.Entry) (*entry.Service, *memStore) {
	t.Helper()
	store := newMemStore(entries...)
	store.products[chair] = entry.Product{Known: true}
	store.products[relic] = entry.Product{Known: true, Discontinued: true}
	store.markets["NL"], store.markets["BE"] = true, true
	return entry.NewService(store, func() time.Time { return now }, uuid.New), store
}

// announced returns the events in short form.
func (s *memStore) announced() (list []string) {
	for _, e := range s.events {
		list = append(list, fmt.Sprintf("%s %s v%d %s", e.Kind, e.Entry.Market, e.Entry.Version, offer(e.Entry)))
	}
	return list
}

func offer(e entry.Entry) string { return e.Start.String() + ".." + e.End.String() }

func check(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if e, ok := apperr.As(err); ok {
		got = e.Name()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Fatalf("error %q (%v), want %q", got, err, want)
	}
}

func pointers(err error) (list []string) {
	if e, ok := apperr.As(err); ok {
		for _, f := range e.Fields {
			list = append(list, f.Pointer)
		}
	}
	return list
}

func TestCreate(t *testing.T) {
	t.Parallel()
	const product, market, end = "/product", "/market", "/availability_end_date"
	tests := map[string]struct {
		draft     entry.Draft
		wantError string
		pointers  []string
	}{
		"Scheduled":     {draft(chair, "NL", "2026-03-01", ""), "", nil},
		"Unscheduled":   {draft(chair, "NL", "", ""), "", nil},
		"OneDay":        {draft(chair, "NL", "2026-03-01", "2026-03-01"), "", nil},
		"EndAlone":      {draft(chair, "NL", "", "2026-03-01"), "", nil},
		"EndFirst":      {draft(chair, "NL", "2026-03-01", "2026-02-28"), "invalid", []string{end}},
		"YearZero":      {draft(chair, "NL", "0000-12-31", "0001-01-01"), "invalid", []string{"/availability_date"}},
		"UnknownBoth":   {draft(nobody, "XX", "", ""), "unknown-reference", []string{product, market}},
		"UnknownMarket": {draft(chair, "XX", "", ""), "unknown-reference", []string{market}},
		"Discontinued":  {draft(relic, "NL", "", ""), "invalid", []string{product}},
		"Malformed":     {draft(uuid.Nil, "nl", "2026-03-01", "2026-02-28"), "invalid", []string{product, market, end}},
		"Taken":         {draft(chair, "BE", "", ""), "entry-exists", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, store := setup(t, stored(id, draft(chair, "BE", "", ""), 1))
			e, err := service.Create(t.Context(), tt.draft, nil)
			check(t, err, tt.wantError)
			if got := pointers(err); !slices.Equal(got, tt.pointers) {
				t.Errorf("faults at %q, want %q: %v", got, tt.pointers, err)
			}
			if tt.wantError != "" {
				if len(store.events) != 0 || len(store.rows) != 1 {
					t.Errorf("stored %v, announced %q", store.rows, store.announced())
				}
				return
			}
			at := now.Truncate(time.Microsecond)
			want := entry.Entry{ID: e.ID, Draft: tt.draft, Version: 1, CreatedAt: at, UpdatedAt: at}
			if e != want || store.rows[e.ID] != want || e.ID == uuid.Nil {
				t.Errorf("got %+v, stored %+v, want %+v", e, store.rows[e.ID], want)
			}
			if got := store.announced(); len(got) != 1 || got[0] != "created NL v1 "+offer(e) {
				t.Errorf("announced %q", got)
			}
			if want := []string{"product", "market"}; !slices.Equal(store.locks, want) {
				t.Errorf("locked %q, want %q", store.locks, want)
			}
		})
	}
}

func TestCreateOnce(t *testing.T) {
	t.Parallel()
	service, store := setup(t)
	once := &condition.Once{ID: [32]byte{1}, Fingerprint: [32]byte{2}}
	first, err := service.Create(t.Context(), draft(chair, "NL", "", ""), once)
	check(t, err, "")
	check(t, errOf(service.Delete(t.Context(), first.ID, nil)), "")
	again, err := service.Create(t.Context(), draft(chair, "NL", "", ""), once)
	check(t, err, "")
	if again != first || len(store.events) != 2 {
		t.Errorf("answered %+v again, want %+v; announced %q", again, first, store.announced())
	}
	_, err = service.Create(t.Context(), draft(chair, "BE", "", ""), &condition.Once{ID: once.ID})
	check(t, err, "idempotency-key-reused")
}

func TestChange(t *testing.T) {
	t.Parallel()
	const start, end = "/availability_date", "/availability_end_date"
	replace := func(p entry.Patch, match condition.Match) func(*testing.T, *entry.Service) (entry.Entry, error) {
		return func(t *testing.T, s *entry.Service) (entry.Entry, error) { return s.Replace(t.Context(), id, p, match) }
	}
	patch := func(p entry.Patch, match condition.Match) func(*testing.T, *entry.Service) (entry.Entry, error) {
		return func(t *testing.T, s *entry.Service) (entry.Entry, error) { return s.Patch(t.Context(), id, p, match) }
	}
	type do = func(*testing.T, *entry.Service) (entry.Entry, error)
	tests := map[string]struct {
		product    uuid.UUID
		start, end string
		do         do
		want       string // the offer; empty if it is unchanged
		wantError  string
		pointers   []string
	}{
		"Replace":           {chair, "2026-03-01", "", replace(entry.Patch{Start: new(day("2026-04-01")), End: new(day("2026-05-01"))}, nil), "2026-04-01..2026-05-01", "", nil},
		"ReplaceBlank":      {chair, "2026-03-01", "2026-04-01", replace(entry.Patch{}, nil), "..", "", nil},
		"ReplaceSame":       {chair, "2026-03-01", "", replace(entry.Patch{Product: new(chair), Market: new("NL"), Start: new(day("2026-03-01"))}, nil), "", "", nil},
		"ReplaceProduct":    {chair, "", "", replace(entry.Patch{Product: new(relic)}, nil), "", "invalid", []string{"/product"}},
		"ReplaceMarket":     {chair, "", "", replace(entry.Patch{Market: new("BE")}, nil), "", "invalid", []string{"/market"}},
		"ReplaceNilProduct": {chair, "", "", replace(entry.Patch{Product: new(uuid.Nil)}, nil), "", "invalid", []string{"/product"}},
		"ReplaceStale":      {chair, "", "", replace(entry.Patch{Start: new(day("2026-03-01"))}, condition.Match{2}), "", "stale", nil},
		"Patch":             {chair, "2026-03-01", "", patch(entry.Patch{End: new(day("2026-05-01"))}, condition.Match{3}), "2026-03-01..2026-05-01", "", nil},
		"PatchReopens":      {chair, "2026-03-01", "2026-04-01", patch(entry.Patch{End: new(day(""))}, nil), "2026-03-01..", "", nil},
		"PatchNothing":      {chair, "2026-03-01", "", patch(entry.Patch{}, nil), "", "", nil},
		"PatchEndFirst":     {chair, "2026-03-01", "", patch(entry.Patch{End: new(day("2026-02-01"))}, nil), "", "invalid", []string{end}},
		"PatchProduct":      {chair, "", "", patch(entry.Patch{Product: new(relic), Market: new("BE")}, nil), "", "invalid", []string{"/product", "/market"}},
		"PatchOwnProduct":   {chair, "", "", patch(entry.Patch{Product: new(chair), Market: new("NL")}, nil), "", "", nil},
		"PatchStale":        {chair, "", "", patch(entry.Patch{Start: new(day("2026-03-01"))}, condition.Match{}), "", "stale", nil},
		"EndsEarlier":       {relic, "2026-03-01", "2026-05-01", patch(entry.Patch{End: new(day("2026-04-01"))}, nil), "2026-03-01..2026-04-01", "", nil},
		"EndsOpenOne":       {relic, "2026-03-01", "", patch(entry.Patch{End: new(day("2026-04-01"))}, nil), "2026-03-01..2026-04-01", "", nil},
		"BeginsLater":       {relic, "2026-03-01", "2026-05-01", patch(entry.Patch{Start: new(day("2026-04-01"))}, nil), "2026-04-01..2026-05-01", "", nil},
		"Unscheduled":       {relic, "2026-03-01", "2026-05-01", patch(entry.Patch{Start: new(day(""))}, nil), "..2026-05-01", "", nil},
		"DiscontinuedSame":  {relic, "2026-03-01", "2026-05-01", patch(entry.Patch{End: new(day("2026-05-01"))}, nil), "", "", nil},
		"EndsLater":         {relic, "2026-03-01", "2026-05-01", patch(entry.Patch{End: new(day("2026-05-02"))}, nil), "", "invalid", []string{end}},
		"Reopens":           {relic, "", "2026-05-01", patch(entry.Patch{End: new(day(""))}, nil), "", "invalid", []string{end}},
		"BeginsEarlier":     {relic, "2026-03-01", "2026-05-01", patch(entry.Patch{Start: new(day("2026-02-01"))}, nil), "", "invalid", []string{start}},
		"Schedules":         {relic, "", "2026-05-01", patch(entry.Patch{Start: new(day("2026-02-01"))}, nil), "", "invalid", []string{start}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old := stored(id, draft(tt.product, "NL", tt.start, tt.end), 3)
			service, store := setup(t, old)
			e, err := tt.do(t, service)
			check(t, err, tt.wantError)
			if got := pointers(err); !slices.Equal(got, tt.pointers) {
				t.Errorf("faults at %q, want %q: %v", got, tt.pointers, err)
			}
			if want := []string{"product", "entry"}; !slices.Equal(store.locks, want) {
				t.Errorf("locked %q, want %q", store.locks, want)
			}
			if tt.want == "" {
				if store.rows[id] != old || len(store.events) != 0 || tt.wantError == "" && e != old {
					t.Errorf("stored %+v, announced %q", store.rows[id], store.announced())
				}
				return
			}
			if offer(e) != tt.want || e.Version != 4 || store.rows[id] != e {
				t.Errorf("got %+v, want %s at version 4", e, tt.want)
			}
			if got := store.announced(); len(got) != 1 || got[0] != "updated NL v4 "+tt.want {
				t.Errorf("announced %q", got)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for name, product := range map[string]uuid.UUID{"OnOffer": chair, "Discontinued": relic} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, store := setup(t, stored(id, draft(product, "NL", "", ""), 3))
			check(t, errOf(service.Delete(t.Context(), id, condition.Match{2})), "stale")
			deleted, err := service.Delete(t.Context(), id, condition.Match{3})
			check(t, err, "")
			if deleted.ID != id || deleted.Version != 4 || !deleted.Deleted {
				t.Errorf("deleted %+v", deleted)
			}
			check(t, errOf(service.Delete(t.Context(), id, nil)), "not-found")
			check(t, errOf(service.Patch(t.Context(), id, entry.Patch{}, nil)), "not-found")
			if got := store.announced(); !slices.Equal(got, []string{"deleted NL v4 .."}) {
				t.Errorf("announced %q", got)
			}
		})
	}
}

func TestDate(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"0000-01-01", "0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"} {
		d := day(s)
		if d.IsZero() || d.String() != s || entry.DateOf(d.Time().Add(24*time.Hour-1)) != d {
			t.Errorf("%s: %s, %s", s, d, entry.DateOf(d.Time()))
		}
		text, err := json.Marshal(map[string]entry.Date{"day": d, "none": {}})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]entry.Date
		if err := json.Unmarshal(text, &back); err != nil || back["day"] != d || !back["none"].IsZero() {
			t.Errorf("%s: %v, %v", text, back, err)
		}
	}
	if !day("2026-02-28").Before(day("2026-03-01")) || day("2026-03-01").Before(day("2026-03-01")) {
		t.Error("days out of order")
	}
	for _, s := range []string{"2026-02-30", "2026-2-3", "", "2026-02-03T00:00:00Z"} {
		if _, err := entry.ParseDate(s); err == nil {
			t.Errorf("%q was taken for a date", s)
		}
	}
}

// errOf returns the error of a call whose result does not matter.
func errOf[T any](_ T, err error) error { return err }
