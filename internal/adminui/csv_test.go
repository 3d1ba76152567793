package adminui_test

import (
	"context"
	"encoding/csv"
	"errors"
	"iter"
	"net/http"
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

// HEAD of an export reads no row: there may be a million.
func TestHeadOfAnExport(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, admintest.Migrations)
	things := adminui.Resource{
		Path: "things", One: "thing", Many: "things", Columns: []adminui.Column{{Title: "Name"}},
		Rows: func(context.Context, adminui.Query) iter.Seq2[adminui.Row, error] {
			t.Error("rows are read")
			return adminui.NoRows(nil)
		},
	}
	a := admintest.Serve(t, pool, things).SignIn(account.Viewer).Do(http.MethodHead, "/things.csv", nil)
	if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "text/csv; charset=utf-8" || a.Header.Get("Content-Length") != "" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
}

// A spreadsheet must not take a text for a formula.
func TestFormulasAreTexts(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, admintest.Migrations)
	texts := map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(1)": "'@SUM(1)", "＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠1": "'＠1",
		"\t=1+1": "'\t=1+1", "\r=1+1": "'\r=1+1", "\n=1+1": "'\n=1+1", "1=1": "1=1", "": "", "é=": "é=",
	}
	things := adminui.Resource{
		Path: "things", One: "thing", Many: "things", Columns: []adminui.Column{{Title: "Name"}, {Title: "Text"}},
		Rows: func(context.Context, adminui.Query) iter.Seq2[adminui.Row, error] {
			return func(yield func(adminui.Row, error) bool) {
				for text, want := range texts {
					if !yield(adminui.Row{Cells: []adminui.Cell{{Text: text}, {Text: "want " + want}}, Position: 1}, nil) {
						return
					}
				}
			}
		},
	}
	a := admintest.Serve(t, pool, things).SignIn(account.Viewer).Get("/things.csv")
	lines, err := csv.NewReader(strings.NewReader(a.Body)).ReadAll()
	if err != nil || len(lines) != len(texts)+1 {
		t.Fatalf("%v: %s", err, a.Body)
	}
	for _, line := range lines[1:] {
		if "want "+line[0] != line[1] {
			t.Errorf("the export has %q, %s", line[0], line[1])
		}
	}
}

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

// A client must not take the first rows of an export for all rows.
func TestAnExportThatBreaksOff(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, admintest.Migrations)
	const rows = 100
	fails := false
	things := adminui.Resource{
		Path: "things", One: "thing", Many: "things", Columns: []adminui.Column{{Title: "Name"}},
		Rows: func(context.Context, adminui.Query) iter.Seq2[adminui.Row, error] {
			return func(yield func(adminui.Row, error) bool) {
				for n := range rows {
					if !yield(adminui.Row{Cells: []adminui.Cell{{Text: strings.Repeat("x", 40<<10)}}, Position: n}, nil) {
						return
					}
				}
				if fails {
					yield(adminui.Row{}, errors.New("the database is away"))
				}
			}
		},
	}
	b := admintest.Serve(t, pool, things).SignIn(account.Viewer)
	for _, fails = range []bool{false, true} {
		if a, err := b.Try(http.MethodGet, "/things.csv", nil); (err != nil) != fails || err == nil && a.Status != http.StatusOK {
			t.Errorf("with a fault (%t): answered %d with %d bytes, %v", fails, a.Status, len(a.Body), err)
		}
	}
}
