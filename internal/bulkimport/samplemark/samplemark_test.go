package samplemark_test

import (
	"testing"

	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/bulkimport/samplemark"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

func TestMarks(t *testing.T) {
	t.Parallel()
	var marks bulkimport.Marks = samplemark.In(pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}))
	for i, step := range []struct {
		mark        string
		hats, coats bool
	}{{"", false, false}, {"hats", true, false}, {"hats", true, false}, {"coats", true, true}} {
		if step.mark != "" {
			if err := marks.Mark(t.Context(), step.mark); err != nil {
				t.Fatal(err)
			}
		}
		for model, want := range map[string]bool{"hats": step.hats, "coats": step.coats} {
			if got, err := marks.Imported(t.Context(), model); err != nil || got != want {
				t.Errorf("step %d: %s imported: %t, %v; want %t", i, model, got, err, want)
			}
		}
	}
}
