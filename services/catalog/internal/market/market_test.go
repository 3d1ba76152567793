package market_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
)

var then, now = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC), time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)

func stored(isoCode, name string, version int64) market.Market {
	return market.Market{
		Draft:   market.Draft{ISOCode: isoCode, Name: name},
		Version: version, CreatedAt: then, UpdatedAt: then,
	}
}

func gone(m market.Market) market.Market {
	m.Deleted = true
	return m
}

func setup(t *testing.T, markets ...market.Market) (*market.Service, *memStore) {
	t.Helper()
	store := newMemStore(markets...)
	return market.NewService(store, func() time.Time { return now }, uuid.New), store
}

// announced returns the events in short form.
func (s *memStore) announced() (list []string) {
	for _, e := range s.events {
		list = append(list, fmt.Sprintf("%s %s v%d", e.Kind, e.Market.ISOCode, e.Market.Version))
	}
	return list
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		draft market.Draft
		want  []string // pointers
	}{
		"Good":          {market.Draft{ISOCode: "NL", Name: "Netherlands"}, nil},
		"UserAssigned":  {market.Draft{ISOCode: "XK", Name: "Kosovo"}, nil},
		"Longest":       {market.Draft{ISOCode: "NL", Name: strings.Repeat("ü", market.MaxName)}, nil},
		"TooLong":       {market.Draft{ISOCode: "NL", Name: strings.Repeat("x", market.MaxName+1)}, []string{"/name"}},
		"Blank":         {market.Draft{ISOCode: "NL", Name: " \t\u00a0"}, []string{"/name"}},
		"Invisible":     {market.Draft{ISOCode: "NL", Name: "\u200b\u2060"}, []string{"/name"}},
		"Composed":      {market.Draft{ISOCode: "NL", Name: strings.Repeat("e\u0301", market.MaxName)}, nil},
		"NUL":           {market.Draft{ISOCode: "NL", Name: "a\x00b"}, []string{"/name"}},
		"NotUTF8":       {market.Draft{ISOCode: "NL", Name: "a\xffb"}, []string{"/name"}},
		"LowerCase":     {market.Draft{ISOCode: "nl", Name: "Netherlands"}, []string{"/iso_code"}},
		"ThreeLetters":  {market.Draft{ISOCode: "NLD", Name: "Netherlands"}, []string{"/iso_code"}},
		"LineFeed":      {market.Draft{ISOCode: "NL\n", Name: "Netherlands"}, []string{"/iso_code"}},
		"AllIsReported": {market.Draft{}, []string{"/iso_code", "/name"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := pointers(tt.draft.Cleaned().Validate()); !slices.Equal(got, tt.want) {
				t.Errorf("faults at %q, want %q", got, tt.want)
			}
		})
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
	tests := map[string]struct {
		stored    []market.Market
		draft     market.Draft
		want      int64
		wantError string
		announced []string
	}{
		"New":     {nil, market.Draft{ISOCode: "NL", Name: " Netherlands "}, 1, "", []string{"created NL v1"}},
		"Taken":   {[]market.Market{stored("NL", "N", 3)}, market.Draft{ISOCode: "NL", Name: "N"}, 0, "market-exists", nil},
		"Invalid": {nil, market.Draft{ISOCode: "NL"}, 0, "invalid", nil},
		"ComesBackAfterDeletion": { // H7 reused identity
			[]market.Market{gone(stored("NL", "Holland", 4))}, market.Draft{ISOCode: "NL", Name: "Netherlands"}, 5, "",
			[]string{"created NL v5"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, store := setup(t, tt.stored...)
			m, err := service.Create(t.Context(), tt.draft, nil)
			check(t, err, tt.wantError)
			if got := store.announced(); !slices.Equal(got, tt.announced) {
				t.Errorf("announced %q, want %q", got, tt.announced)
			}
			if tt.wantError != "" {
				return
			}
			at := now.Truncate(time.Microsecond)
			want := market.Market{
				Draft: market.Draft{ISOCode: "NL", Name: "Netherlands"}, Version: tt.want, CreatedAt: at, UpdatedAt: at,
			}
			if m != want || store.rows["NL"] != want {
				t.Errorf("got %+v, stored %+v, want %+v", m, store.rows["NL"], want)
			}
		})
	}
}

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

func TestCreateOnce(t *testing.T) {
	t.Parallel()
	service, store := setup(t)
	once := &condition.Once{ID: [32]byte{1}, Fingerprint: [32]byte{2}}
	first, err := service.Create(t.Context(), market.Draft{ISOCode: "NL", Name: "Netherlands"}, once)
	check(t, err, "")
	if _, err = service.Patch(t.Context(), "NL", market.Patch{Name: new("Holland")}, nil); err != nil {
		t.Fatal(err)
	}
	again, err := service.Create(t.Context(), market.Draft{ISOCode: "NL", Name: "Netherlands"}, once)
	check(t, err, "")
	if again != first {
		t.Errorf("answered %+v again, want %+v", again, first)
	}
	other := &condition.Once{ID: once.ID, Fingerprint: [32]byte{3}}
	_, err = service.Create(t.Context(), market.Draft{ISOCode: "BE", Name: "Belgium"}, other)
	check(t, err, "idempotency-key-reused")
	if got, want := store.announced(), []string{"created NL v1", "updated NL v2"}; !slices.Equal(got, want) {
		t.Errorf("announced %q, want %q", got, want)
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	replace := func(d market.Draft, match condition.Match) func(*testing.T, *market.Service) (market.Market, error) {
		return func(t *testing.T, s *market.Service) (market.Market, error) {
			return s.Replace(t.Context(), "NL", d, match)
		}
	}
	patch := func(p market.Patch, match condition.Match) func(*testing.T, *market.Service) (market.Market, error) {
		return func(t *testing.T, s *market.Service) (market.Market, error) {
			return s.Patch(t.Context(), "NL", p, match)
		}
	}
	tests := map[string]struct {
		do        func(*testing.T, *market.Service) (market.Market, error)
		want      string
		version   int64
		wantError string
	}{
		"Replace":            {replace(market.Draft{Name: " Holland "}, nil), "Holland", 4, ""},
		"ReplaceWithCode":    {replace(market.Draft{ISOCode: "NL", Name: "Holland"}, nil), "Holland", 4, ""},
		"ReplaceOtherCode":   {replace(market.Draft{ISOCode: "BE", Name: "Holland"}, nil), "", 0, "invalid"},
		"ReplaceBlank":       {replace(market.Draft{}, nil), "", 0, "invalid"},
		"ReplaceSame":        {replace(market.Draft{Name: "Netherlands "}, nil), "Netherlands", 3, ""},
		"ReplaceMatching":    {replace(market.Draft{Name: "Holland"}, condition.Match{1, 3}), "Holland", 4, ""},
		"ReplaceStale":       {replace(market.Draft{Name: "Holland"}, condition.Match{2}), "", 0, "stale"},
		"ReplaceMatchesNone": {replace(market.Draft{Name: "Holland"}, condition.Match{}), "", 0, "stale"},
		"Patch":              {patch(market.Patch{Name: new("Holland")}, nil), "Holland", 4, ""},
		"PatchNothing":       {patch(market.Patch{}, nil), "Netherlands", 3, ""},
		"PatchOwnCode":       {patch(market.Patch{ISOCode: new("NL")}, nil), "Netherlands", 3, ""},
		"PatchOtherCode":     {patch(market.Patch{ISOCode: new("BE")}, nil), "", 0, "invalid"},
		"PatchBlank":         {patch(market.Patch{Name: new(" ")}, nil), "", 0, "invalid"},
		"PatchStale":         {patch(market.Patch{Name: new("Holland")}, condition.Match{4}), "", 0, "stale"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, store := setup(t, stored("NL", "Netherlands", 3))
			m, err := tt.do(t, service)
			check(t, err, tt.wantError)
			var announced []string
			if tt.version == 4 {
				announced = []string{"updated NL v4"}
			}
			if got := store.announced(); !slices.Equal(got, announced) {
				t.Errorf("announced %q, want %q", got, announced)
			}
			if tt.wantError == "" && (m.Name != tt.want || m.Version != tt.version || m.CreatedAt != then) {
				t.Errorf("got %+v, want %q at version %d", m, tt.want, tt.version)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stored    market.Market
		used      bool
		match     condition.Match
		wantError string
	}{
		"Deleted": {stored: stored("NL", "N", 3), match: condition.Match{3}},
		"InUse":   {stored: stored("NL", "N", 3), used: true, wantError: "market-in-use"},
		"Stale":   {stored: stored("NL", "N", 3), match: condition.Match{2}, wantError: "stale"},
		"Twice":   {stored: gone(stored("NL", "N", 3)), wantError: "not-found"},
		"Unknown": {stored: stored("BE", "B", 3), wantError: "not-found"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service, store := setup(t, tt.stored)
			store.used["NL"] = tt.used
			deleted, err := service.Delete(t.Context(), "NL", tt.match)
			check(t, err, tt.wantError)
			if tt.wantError != "" {
				if len(store.events) != 0 || store.rows[tt.stored.ISOCode] != tt.stored {
					t.Errorf("stored %+v, announced %q", store.rows, store.announced())
				}
				return
			}
			if m := store.rows["NL"]; !m.Deleted || m.Version != 4 || m != deleted || store.announced()[0] != "deleted NL v4" {
				t.Errorf("stored %+v, returned %+v, announced %q", m, deleted, store.announced())
			}
			_, err = service.Get(t.Context(), "NL")
			check(t, err, "not-found")
		})
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	service, store := setup(t, stored("BE", "Belgium", 1), stored("NL", "Holland", 2), gone(stored("DE", "Germany", 7)))
	records := []market.Record{
		{Draft: market.Draft{ISOCode: "BE", Name: "Belgium "}}, {Draft: market.Draft{ISOCode: "NL", Name: "Netherlands"}},
		{Draft: market.Draft{ISOCode: "DE", Name: "Germany"}}, {Draft: market.Draft{ISOCode: "FR", Name: "France"}},
	}
	want := []market.Outcome{
		market.ImportedNothing, market.ImportedChange, market.ImportedNew, market.ImportedNew,
	}
	bad := map[int]error{}
	err := service.CheckImport(t.Context(), slices.All(records), at, func(i int, err error) { bad[i] = err })
	if err != nil || len(bad) != 0 {
		t.Fatalf("faults %v, %v", bad, err)
	}
	for i, d := range records {
		if _, got, err := service.Import(t.Context(), d); err != nil || got != want[i] {
			t.Errorf("%s: outcome %d, %v; want %d", d.ISOCode, got, err, want[i])
		}
		if _, got, err := service.Import(t.Context(), d); err != nil || got != market.ImportedNothing {
			t.Errorf("%s again: outcome %d, %v", d.ISOCode, got, err)
		}
	}
	announced := []string{"updated NL v3", "created DE v8", "created FR v1"}
	if got := store.announced(); !slices.Equal(got, announced) {
		t.Errorf("announced %q, want %q", got, announced)
	}
}

// A sample changes the name of an earlier sample, and leaves the names that people have given.
func TestImportReplaces(t *testing.T) {
	t.Parallel()
	service, store := setup(t, stored("SZ", "Swaziland", 1), stored("TR", "Turkey (our name)", 2))
	for _, tt := range []struct {
		code, name string
		replaces   []string
		want       market.Outcome
	}{
		{"SZ", "Eswatini", []string{"Swaziland", "Eswatini"}, market.ImportedChange},
		{"SZ", "Eswatini", []string{"Swaziland", "Eswatini"}, market.ImportedNothing},
		{"TR", "Türkiye", []string{"Turkey", "Türkiye"}, market.ImportedNothing},
		{"FR", "France", []string{}, market.ImportedNew},
	} {
		r := market.Record{Draft: market.Draft{ISOCode: tt.code, Name: tt.name}, Replaces: tt.replaces}
		if m, got, err := service.Import(t.Context(), r); err != nil || got != tt.want || m.Version == 0 {
			t.Errorf("%s: outcome %d, version %d, %v; want %d", tt.code, got, m.Version, err, tt.want)
		}
	}
	if got, want := store.announced(), []string{"updated SZ v2", "created FR v1"}; !slices.Equal(got, want) {
		t.Errorf("announced %q, want %q", got, want)
	}
	if name := store.rows["TR"].Name; name != "Turkey (our name)" {
		t.Errorf("the sample renamed a market to %q", name)
	}
}

func TestCheckImport(t *testing.T) {
	t.Parallel()
	service, _ := setup(t)
	bad := map[int]error{}
	err := service.CheckImport(t.Context(), slices.All([]market.Record{
		{Draft: market.Draft{ISOCode: "NL", Name: "Netherlands"}}, {Draft: market.Draft{ISOCode: "nl"}},
		{Draft: market.Draft{ISOCode: "NL", Name: "Holland"}},
	}), at, func(i int, err error) { bad[i] = err })
	if err != nil {
		t.Fatal(err)
	}
	if len(bad) != 2 || len(pointers(bad[1])) != 2 || !slices.Equal(pointers(bad[2]), []string{"/iso_code"}) ||
		!strings.Contains(bad[2].Error(), "appears twice, first in line 0") {
		t.Errorf("faults %v", bad)
	}
}

// at returns how messages name the records of an import.
func at(i int) string { return fmt.Sprint("line ", i) }
