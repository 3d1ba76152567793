package adminui_test

import (
	"context"
	"iter"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// A part of an export that waits for the client has no place, so the rows after it need one again.
func TestAnExportReadsWithAPlace(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, admintest.Migrations)
	const rows = 100
	without := 0
	things := adminui.Resource{
		Path: "things", One: "thing", Many: "things", Columns: []adminui.Column{{Title: "Name"}},
		Rows: func(ctx context.Context, _ adminui.Query) iter.Seq2[adminui.Row, error] {
			ended, end := context.WithCancel(ctx)
			end()
			return func(yield func(adminui.Row, error) bool) {
				for n := range rows {
					// Without a place, this fails half of the time, and at least once in so many.
					if err := admission.Next(ended); err != nil {
						without++
					}
					if !yield(adminui.Row{Cells: []adminui.Cell{{Text: strings.Repeat("x", 40<<10)}}, Position: n}, nil) {
						return
					}
				}
			}
		},
	}
	a := admintest.Serve(t, pool, things).SignIn(account.Viewer).Get("/things.csv")
	if lines := strings.Count(a.Body, "\n"); a.Status != 200 || lines != rows+1 {
		t.Errorf("answered %d with %d lines", a.Status, lines)
	}
	if without > 0 {
		t.Errorf("%d of %d rows were read without a place", without, rows)
	}
}
