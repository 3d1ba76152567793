package adminui_test

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// No page counts all of very many rows: a count stops after 1,000.
func TestCountsStop(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, admintest.Migrations)
	stored := 0
	things := adminui.Resource{
		Path: "things", One: "thing", Many: "things", Columns: []adminui.Column{{Title: "Name"}},
		Filters: []adminui.Filter{{Name: "kind", Title: "Kind", Fixed: []adminui.Choice{{Value: "a", Title: "A"}}}},
		Rows: func(context.Context, adminui.Query) iter.Seq2[adminui.Row, error] {
			return func(yield func(adminui.Row, error) bool) {
				yield(adminui.Row{ID: "1", Cells: []adminui.Cell{{Text: "x"}}}, nil)
			}
		},
		Count: func(_ context.Context, queries []adminui.Query, most int) ([]int, error) {
			if most != 1001 {
				t.Errorf("a page counts up to %d rows", most)
			}
			return slices.Repeat([]int{min(stored, most)}, len(queries)), nil
		},
	}
	p := admintest.Serve(t, pool, things).SignIn(account.Viewer)
	for n, want := range map[int]string{1: "1", 999: "999", 1000: "1,000", 1001: "1,000+", 1_000_000: "1,000+"} {
		stored = n
		p.Get("").Must(200, "<strong>"+want+" thing")
		p.Get("/things").Must(200, "<strong>"+want+"</strong> thing", `A <span class="n">`+want+`</span>`)
	}
}
