package product_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

type bundle struct {
	store   *memStore
	service *product.Service
	now     time.Time
}

var (
	before = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	desk   = product.Product{ID: 1, UUID: uuid.UUID{1}, Draft: product.Draft{Name: "Desk", Category: "Furniture"},
		Version: 3, CreatedAt: before, UpdatedAt: before}
	lamp = product.Product{ID: 2, UUID: uuid.UUID{2}, Draft: product.Draft{Name: "Lamp", Category: "Furniture", Discontinued: true},
		Version: 1, CreatedAt: before, UpdatedAt: before}
	sofa = product.Product{ID: 3, UUID: uuid.UUID{3}, Draft: product.Draft{Name: "Sofa", Category: "Furniture"}, Deleted: true,
		Version: 5, CreatedAt: before, UpdatedAt: before}
)

// setup returns a product, a discontinued product and a deleted product.
func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{store: newMemStore(desk, lamp, sofa)}
	b.now = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	ids := byte(99)
	newID := func() uuid.UUID { ids++; return uuid.UUID{ids} }
	b.service = product.NewService(b.store, func() time.Time { return b.now }, newID)
	return b
}

// announced returns the events as "kind version", joined.
func (b *bundle) announced() string {
	var list []string
	for _, e := range b.store.events {
		list = append(list, fmt.Sprintf("%s %d", e.Kind, e.Product.Version))
	}
	return strings.Join(list, ", ")
}

func ptr[T any](v T) *T { return &v }

func TestCreate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in        product.Draft
		want      product.Draft
		kind      apperr.Kind
		faults    int
		announced string
	}{
		"Announced":           {in: product.Draft{Name: "Bed", Category: "Furniture"}, want: product.Draft{Name: "Bed", Category: "Furniture"}, announced: "created 1"},
		"Composed":            {in: product.Draft{Name: "Cafe\u0301", Category: "Boi\u0302te"}, want: product.Draft{Name: "Caf\u00e9", Category: "Bo\u00eete"}, announced: "created 1"},
		"Trimmed":             {in: product.Draft{Name: " \tBed\u00a0", Category: "\nX "}, want: product.Draft{Name: "Bed", Category: "X"}, announced: "created 1"},
		"DiscontinuedAtOnce":  {in: product.Draft{Name: "Bed", Category: "X", Discontinued: true}, want: product.Draft{Name: "Bed", Category: "X", Discontinued: true}, announced: "created 1"},
		"SameNameElsewhere":   {in: product.Draft{Name: "Desk", Category: "Toys"}, want: product.Draft{Name: "Desk", Category: "Toys"}, announced: "created 1"},
		"NameOfDeleted":       {in: sofa.Draft, want: sofa.Draft, announced: "created 1"},
		"CountsCodePoints":    {in: product.Draft{Name: strings.Repeat("😀", 100), Category: strings.Repeat("é", 25)}, want: product.Draft{Name: strings.Repeat("😀", 100), Category: strings.Repeat("é", 25)}, announced: "created 1"},
		"CountsAfterTrimming": {in: product.Draft{Name: " " + strings.Repeat("x", 100) + " ", Category: "X"}, want: product.Draft{Name: strings.Repeat("x", 100), Category: "X"}, announced: "created 1"},
		"NameTaken":           {in: product.Draft{Name: "Desk ", Category: "Furniture"}, kind: apperr.Conflict},
		"NameOfDiscontinued":  {in: product.Draft{Name: "Lamp", Category: "Furniture"}, kind: apperr.Conflict},
		"AllFaultsAtOnce":     {in: product.Draft{Name: " ", Category: strings.Repeat("x", 26)}, kind: apperr.Invalid, faults: 2},
		"TooLong":             {in: product.Draft{Name: strings.Repeat("x", 101), Category: "X"}, kind: apperr.Invalid, faults: 1},
		"NUL":                 {in: product.Draft{Name: "a\x00b", Category: "X\x00"}, kind: apperr.Invalid, faults: 2},
		"NotUTF8":             {in: product.Draft{Name: "a\xff", Category: "X"}, kind: apperr.Invalid, faults: 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p, err := b.service.Create(t.Context(), tt.in, nil)
			wantError(t, err, tt.kind, tt.faults)
			if got := b.announced(); got != tt.announced {
				t.Errorf("announced %q, want %q", got, tt.announced)
			}
			if err != nil {
				return
			}
			at := b.now.UTC().Truncate(time.Microsecond)
			want := product.Product{ID: 4, UUID: p.UUID, Draft: tt.want, Version: 1, CreatedAt: at, UpdatedAt: at}
			if p != want || p.UUID == uuid.Nil {
				t.Errorf("got %+v, want %+v", p, want)
			}
			if e := b.store.events[0]; e.Product != p || e.ID == uuid.Nil || e.ID == p.UUID || !e.Time.Equal(at) {
				t.Errorf("event %+v does not carry %+v", e, p)
			}
		})
	}
}

func TestPatch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		id        int64
		patch     product.Patch
		match     condition.Match
		want      product.Draft
		version   int64
		kind      apperr.Kind
		announced string
	}{
		"Rename":            {id: 1, patch: product.Patch{Name: ptr(" Table ")}, want: product.Draft{Name: "Table", Category: "Furniture"}, version: 4, announced: "updated 4"},
		"Discontinue":       {id: 1, patch: product.Patch{Discontinued: ptr(true)}, want: product.Draft{Name: "Desk", Category: "Furniture", Discontinued: true}, version: 4, announced: "discontinued 4"},
		"DiscontinueRename": {id: 1, patch: product.Patch{Name: ptr("X"), Discontinued: ptr(true)}, want: product.Draft{Name: "X", Category: "Furniture", Discontinued: true}, version: 4, announced: "discontinued 4"},
		"Reactivated":       {id: 2, patch: product.Patch{Discontinued: ptr(false)}, want: product.Draft{Name: "Lamp", Category: "Furniture"}, version: 2, announced: "updated 2"},
		"RenameOld":         {id: 2, patch: product.Patch{Name: ptr("X")}, want: product.Draft{Name: "X", Category: "Furniture", Discontinued: true}, version: 2, announced: "updated 2"},
		"Nothing":           {id: 1, want: desk.Draft, version: 3},
		"NothingNew":        {id: 1, patch: product.Patch{Name: ptr("Desk "), Discontinued: ptr(false)}, want: desk.Draft, version: 3},
		"Matching":          {id: 1, patch: product.Patch{Name: ptr("X")}, match: condition.Match{2, 3}, want: product.Draft{Name: "X", Category: "Furniture"}, version: 4, announced: "updated 4"},
		"Stale":             {id: 1, patch: product.Patch{Name: ptr("X")}, match: condition.Match{2}, kind: apperr.Stale},
		"MatchesNothing":    {id: 1, match: condition.Match{}, kind: apperr.Stale},
		"NameTaken":         {id: 1, patch: product.Patch{Name: ptr("Lamp")}, kind: apperr.Conflict},
		"NameOfDeleted":     {id: 1, patch: product.Patch{Name: ptr("Sofa")}, want: product.Draft{Name: "Sofa", Category: "Furniture"}, version: 4, announced: "updated 4"},
		"Blank":             {id: 1, patch: product.Patch{Category: ptr(" ")}, kind: apperr.Invalid},
		"Missing":           {id: 9, patch: product.Patch{Name: ptr("X")}, kind: apperr.NotFound},
		"Deleted":           {id: 3, patch: product.Patch{Name: ptr("X")}, kind: apperr.NotFound},
		"MissingAndStale":   {id: 9, match: condition.Match{1}, kind: apperr.NotFound},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p, err := b.service.Patch(t.Context(), tt.id, tt.patch, tt.match)
			wantError(t, err, tt.kind, -1)
			if got := b.announced(); got != tt.announced {
				t.Errorf("announced %q, want %q", got, tt.announced)
			}
			if err == nil && (p.Draft != tt.want || p.Version != tt.version || !p.CreatedAt.Equal(before)) {
				t.Errorf("got %+v", p)
			}
			if changed := tt.announced != ""; err == nil && changed == p.UpdatedAt.Equal(before) {
				t.Errorf("updated at %s", p.UpdatedAt)
			}
		})
	}
}

func TestReplaceSetsEverything(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, err := b.service.Replace(t.Context(), 2, product.Draft{Name: "Torch", Category: "Light"}, condition.Match{1})
	if err != nil || p.Draft != (product.Draft{Name: "Torch", Category: "Light"}) || b.announced() != "updated 2" {
		t.Errorf("got %+v, %v; announced %s", p, err, b.announced())
	}
	if _, err = b.service.Replace(t.Context(), 2, product.Draft{}, nil); apperr.KindOf(err) != apperr.Invalid {
		t.Errorf("an empty draft: %v", err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.service.Delete(t.Context(), 1, condition.Match{1}); apperr.KindOf(err) != apperr.Stale {
		t.Errorf("stale: %v", err)
	}
	if p, err := b.service.Delete(t.Context(), 1, condition.Match{3}); err != nil || !p.Deleted || p.ID != 1 || p.Version != 4 {
		t.Fatalf("deleted %+v, %v", p, err)
	}
	if _, err := b.service.Delete(t.Context(), 1, nil); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("a second time: %v", err)
	}
	if got := b.announced(); got != "deleted 4" {
		t.Errorf("announced %q", got)
	}
	if _, err := b.service.Get(t.Context(), 1); apperr.KindOf(err) != apperr.NotFound {
		t.Errorf("still there: %v", err)
	}
}

func TestCreateOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bed := product.Draft{Name: "Bed", Category: "Furniture"}
	once := &condition.Once{ID: [32]byte{1}, Fingerprint: [32]byte{2}}
	first, err := b.service.Create(t.Context(), bed, once)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.service.Delete(t.Context(), first.ID, nil); err != nil {
		t.Fatal(err)
	}
	again, err := b.service.Create(t.Context(), bed, once)
	if err != nil || again != first || b.announced() != "created 1, deleted 2" {
		t.Errorf("got %+v, %v, want the first answer; announced %s", again, err, b.announced())
	}
	_, err = b.service.Create(t.Context(), bed, &condition.Once{ID: [32]byte{1}, Fingerprint: [32]byte{3}})
	wantError(t, err, apperr.Invalid, -1)
	if _, err = b.service.Create(t.Context(), desk.Draft, &condition.Once{ID: [32]byte{7}}); apperr.KindOf(err) != apperr.Conflict {
		t.Errorf("name taken: %v", err)
	}
	if len(b.store.first) != 1 {
		t.Error("a refusal is remembered")
	}
}

// wantError checks the kind of err (no error if kind is empty), and the number of faults unless faults is negative.
func wantError(t *testing.T, err error, kind apperr.Kind, faults int) {
	t.Helper()
	if kind == "" {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	e, ok := apperr.As(err)
	if !ok || e.Kind != kind || faults >= 0 && len(e.Fields) != faults {
		t.Fatalf("error %v, want %s with %d faults", err, kind, faults)
	}
}
