package monolith_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/monolith"
)

// productImporter returns the importer of products into a new database.
func productImporter(t *testing.T) bulkimport.Importer {
	t.Helper()
	cfg := monolith.Config{Common: config.Common{
		Database: postgres.Settings{URL: pgtest.NewURL(t), MaxConns: 16}, Checks: config.Checks{Events: true},
	}}
	if err := monolith.Migrate(t.Context(), cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	target, err := monolith.OpenImport(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(target.Close)
	return target.Importers[0]
}

// productImport returns a function that imports CSV into a new database, and returns the summary or the faults.
func productImport(t *testing.T) func(csv string) string {
	t.Helper()
	products := productImporter(t)
	return func(csv string) string {
		in, err := bulkimport.Read("in", strings.NewReader("product_uuid,name,product_category\n"+csv), bulkimport.CSV, products.Columns)
		if err != nil {
			t.Fatal(err)
		}
		summary, err := products.Run(t.Context(), in, func(bulkimport.Progress) {})
		if err != nil {
			return err.Error()
		}
		return summary.String()
	}
}

func TestImportTellsEverything(t *testing.T) {
	t.Parallel()
	run := productImport(t)
	id := uuid.NewString()
	got := run("only,two\nno-id,,Tests\n,Chair,Tests\n,Chair,Tests\n" + id + ",a,Tests\n" + id + ",b,Tests\n")
	want := `in:2: has 2 fields, the header has 3
in:3: product_uuid: is not a UUID
in:3: name: must not be blank
in:5: name: appears twice, first in line 4
in:7: product_uuid: appears twice, first in line 6`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Each product takes the name that the next product had before. A circle of names is refused before anything is written.
func TestImportPassesNamesOn(t *testing.T) {
	t.Parallel()
	run := productImport(t)
	const n = 100
	csv := func(name func(i int) int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%s,Product %d,Tests\n", uuid.NewSHA1(uuid.Nil, []byte{byte(i)}), name(i))
		}
		return b.String()
	}
	same, next := csv(func(i int) int { return i }), csv(func(i int) int { return i + 1 })
	for _, step := range []struct{ csv, want string }{
		{same, "products: 100 created, 0 updated, 0 unchanged"},
		{next, "products: 0 created, 100 updated, 0 unchanged"},
		{next, "products: 0 created, 0 updated, 100 unchanged"},
	} {
		if got := run(step.csv); got != step.want {
			t.Fatalf("got %s, want %s", got, step.want)
		}
	}
	round := run(csv(func(i int) int { return (i+1)%n + 1 }))
	if strings.Count(round, "\n") != n-1 || !strings.Contains(round, "in:2: name: is the old name of line 3, and these renames form a circle") {
		t.Errorf("round: %s", round)
	}
	if got := run(next); got != "products: 0 created, 0 updated, 100 unchanged" {
		t.Errorf("afterwards: %s", got)
	}
}
