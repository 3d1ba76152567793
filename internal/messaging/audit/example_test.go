package audit_test

import (
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/exampletb"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// An operator changes something in two transactions. One record says what both have done.
func Example() {
	t := exampletb.New()
	defer t.CleanUp()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})

	ada := audit.Operator{By: "Ada", Reason: "the backup was old"}
	if err := ada.Check(true); err != nil {
		t.Fatal(err)
	}
	var id int64
	for _, change := range []func(pgx.Tx) error{
		func(tx pgx.Tx) (err error) {
			id, err = audit.Record(t.Context(), tx, ada, "hats repair", map[string]int{"hats": 200})
			return err
		},
		func(tx pgx.Tx) error { return audit.Update(t.Context(), tx, id, map[string]int{"hats": 250}) },
	} {
		if err := pgx.BeginFunc(t.Context(), pool, change); err != nil {
			t.Fatal(err)
		}
	}
	actions, err := audit.List(t.Context(), pool, audit.Filter{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range actions {
		fmt.Printf("%s, %s: %s %s\n", a.By, a.Command, a.Reason, a.Detail)
	}
	// Output:
	// Ada, hats repair: the backup was old {"hats": 250}
}
