package product_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

func TestImport(t *testing.T) {
	t.Parallel()
	bed := product.Draft{Name: "Bed", Category: "Furniture"}
	tests := map[string]struct {
		in        product.Record
		outcome   product.Outcome
		version   int64
		id        int64
		kind      apperr.Kind
		announced string
	}{
		"New":               {in: product.Record{Draft: bed}, outcome: product.ImportedNew, id: 4, version: 1, announced: "created 1"},
		"NewByID":           {in: product.Record{UUID: uuid.UUID{9}, Draft: bed}, outcome: product.ImportedNew, id: 4, version: 1, announced: "created 1"},
		"SameByName":        {in: product.Record{Draft: product.Draft{Name: "Desk ", Category: "Furniture"}}, id: 1, version: 3},
		"SameByID":          {in: product.Record{UUID: desk.UUID, Draft: desk.Draft}, id: 1, version: 3},
		"RenamedByID":       {in: product.Record{UUID: desk.UUID, Draft: bed}, outcome: product.ImportedChange, id: 1, version: 4, announced: "updated 4"},
		"ReactivatedByName": {in: product.Record{Draft: product.Draft{Name: "Lamp", Category: "Furniture"}}, outcome: product.ImportedChange, id: 2, version: 2, announced: "updated 2"},
		"Discontinued":      {in: product.Record{UUID: desk.UUID, Draft: product.Draft{Name: "Desk", Category: "Furniture", Discontinued: true}}, outcome: product.ImportedChange, id: 1, version: 4, announced: "discontinued 4"},
		"DeletedByID":       {in: product.Record{UUID: sofa.UUID, Draft: bed}, outcome: product.ImportedNew, id: 3, version: 6, announced: "created 6"},
		"DeletedByName":     {in: product.Record{Draft: sofa.Draft}, outcome: product.ImportedNew, id: 4, version: 1, announced: "created 1"},
		"NameTaken":         {in: product.Record{UUID: uuid.UUID{9}, Draft: desk.Draft}, kind: apperr.Conflict},
		"Invalid":           {in: product.Record{}, kind: apperr.Invalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p, outcome, err := b.service.Import(t.Context(), tt.in)
			wantError(t, err, tt.kind, -1)
			if got := b.announced(); got != tt.announced {
				t.Errorf("announced %q, want %q", got, tt.announced)
			}
			if err != nil {
				return
			}
			if outcome != tt.outcome || p.ID != tt.id || p.Version != tt.version || p.Deleted || p.UUID == uuid.Nil {
				t.Errorf("got outcome %d, %+v", outcome, p)
			}
			if again, outcome, err := b.service.Import(t.Context(), tt.in); err != nil || outcome != product.ImportedNothing || again != p {
				t.Errorf("imported again: outcome %d, %+v, %v", outcome, again, err)
			}
		})
	}
}

func TestCheckImport(t *testing.T) {
	t.Parallel()
	bed := product.Draft{Name: "Bed", Category: "Furniture"}
	b := setup(t)
	bad := map[int]error{}
	err := b.service.CheckImport(t.Context(), slices.All([]product.Record{
		0: {Draft: bed},
		1: {Draft: product.Draft{Name: " Bed", Category: "Furniture"}},
		2: {UUID: uuid.UUID{9}, Draft: product.Draft{Name: "Chair", Category: "Furniture"}},
		3: {UUID: uuid.UUID{9}, Draft: product.Draft{Name: "Stool", Category: "Furniture"}},
		4: {},
		5: {UUID: uuid.UUID{8}, Draft: desk.Draft},
		6: {Draft: lamp.Draft},
		7: {UUID: uuid.UUID{7}, Draft: sofa.Draft},
	}), at, func(i int, err error) { bad[i] = err })
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]apperr.Kind{1: apperr.Invalid, 3: apperr.Invalid, 4: apperr.Invalid, 5: apperr.Conflict}
	for i := range 8 {
		if got := bad[i]; (got != nil) != (want[i] != "") || got != nil && apperr.KindOf(got) != want[i] {
			t.Errorf("record %d: %v, want %q", i, got, want[i])
		}
	}
	if want := "appears twice, first in line 2"; !strings.Contains(bad[3].Error(), want) {
		t.Errorf("%v does not say %q", bad[3], want)
	}
	if len(b.store.events) > 0 {
		t.Error("a check wrote something")
	}
}

func at(i int) string { return fmt.Sprint("line ", i) }

// A name can be passed on if its product gives it up in the same import, unless the renames form a circle.
func TestNamesPassedOn(t *testing.T) {
	t.Parallel()
	named := func(id byte, name string) product.Record {
		return product.Record{UUID: uuid.UUID{id}, Draft: product.Draft{Name: name, Category: "Furniture"}}
	}
	tests := map[string]struct {
		in   []product.Record // the stored products are 1 Desk, 2 Lamp and 4 Rug
		want map[int]string
	}{
		"Chain":    {in: []product.Record{named(9, "Desk"), named(1, "Lamp"), named(2, "Bed")}},
		"Kept":     {in: []product.Record{named(1, "Desk"), named(2, "Lamp")}},
		"Swap":     {in: []product.Record{named(1, "Lamp"), named(2, "Desk")}, want: map[int]string{0: "line 1", 1: "line 0"}},
		"Circle":   {in: []product.Record{named(1, "Lamp"), named(2, "Rug"), named(4, "Desk")}, want: map[int]string{0: "line 1", 1: "line 2", 2: "line 0"}},
		"Into":     {in: []product.Record{named(9, "Rug"), named(1, "Lamp"), named(2, "Desk"), named(4, "Bed")}, want: map[int]string{1: "line 2", 2: "line 1"}},
		"NotGiven": {in: []product.Record{named(9, "Rug"), named(1, "Lamp"), named(2, "Bed")}, want: map[int]string{0: "already"}},
		"Ambiguous": {in: []product.Record{{Draft: desk.Draft}, named(1, "Bed")},
			want: map[int]string{0: "the product that line 1 renames"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.store.rows[4] = product.Product{ID: 4, UUID: uuid.UUID{4}, Draft: product.Draft{Name: "Rug", Category: "Furniture"}, Version: 1}
			bad := map[int]error{}
			err := b.service.CheckImport(t.Context(), slices.All(tt.in), at, func(i int, err error) { bad[i] = err })
			if err != nil {
				t.Fatal(err)
			}
			for i := range tt.in {
				if got, want := bad[i], tt.want[i]; (got == nil) != (want == "") || got != nil && !strings.Contains(got.Error(), want) {
					t.Errorf("record %d: %v, want %q", i, got, want)
				}
			}
		})
	}
}
