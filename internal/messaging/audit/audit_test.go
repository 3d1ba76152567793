package audit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

func TestRecords(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
	ada := audit.Operator{By: "Ada", Reason: "the backup was old"}
	record := func(command string, last error) (id int64) {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) (err error) {
			if id, err = audit.Record(t.Context(), tx, ada, command, map[string]int{"rows": 0}); err != nil {
				return err
			}
			return last
		})
		if !errors.Is(err, last) {
			t.Fatal(err)
		}
		return id
	}
	first := record("first", nil)
	second := record("second", nil)
	record("refused", errors.New("rolled back"))
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error { return audit.Update(t.Context(), tx, first, map[string]int{"rows": 7}) })
	if err != nil {
		t.Fatal(err)
	}
	actions, err := audit.List(t.Context(), pool, audit.Filter{Limit: 10})
	if err != nil || len(actions) != 2 || actions[0].ID != second || actions[1].ID != first {
		t.Fatalf("%+v, %v", actions, err)
	}
	if a := actions[1]; a.By != "Ada" || a.Reason != "the backup was old" || a.Command != "first" || string(a.Detail) != `{"rows": 7}` || a.At.IsZero() {
		t.Errorf("%+v", a)
	}
	if older, err := audit.List(t.Context(), pool, audit.Filter{Before: second, Limit: 10}); err != nil || len(older) != 1 || older[0].ID != first {
		t.Errorf("%+v, %v", older, err)
	}
	if page, err := audit.List(t.Context(), pool, audit.Filter{Limit: 1}); err != nil || len(page) != 1 || page[0].ID != second {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		operator    audit.Operator
		needsReason bool
		want        string
	}{
		"Fine":          {audit.Operator{By: "Ada", Reason: "two\nlines"}, true, ""},
		"NoReason":      {audit.Operator{By: "Ada"}, false, ""},
		"ReasonMissing": {audit.Operator{By: "Ada", Reason: " "}, true, "reason has to say why"},
		"Nobody":        {audit.Operator{By: " "}, false, "by has to say who"},
		"Unprintable":   {audit.Operator{By: "A\x00"}, false, "by has to be printable"},
		"NotUTF8":       {audit.Operator{By: "Ada", Reason: "\xff"}, false, "reason has to be printable"},
		"Long":          {audit.Operator{By: "Ada", Reason: strings.Repeat("x", 1001)}, false, "at most 1000 bytes"},
	} {
		err := tt.operator.Check(tt.needsReason)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
