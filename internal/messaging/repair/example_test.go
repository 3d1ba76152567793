package repair_test

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/exampletb"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// A service that owns hats publishes their state again.
func Example() {
	t := exampletb.New()
	defer t.CleanUp()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})

	hats := repair.Model{
		Topic: "hats",
		Count: func(context.Context, pgx.Tx) (int, error) { return 2, nil },
		Page: func(_ context.Context, _ pgx.Tx, after string, _ int) ([]event.Message, error) {
			// A service reads and locks rows of its table here.
			var rows []thing
			if after == "" {
				rows = []thing{{Key: "bowler", Version: 3, Name: "Bowler"}, {Key: "fez", Version: 1, Deleted: true}}
			}
			return repair.Encode(rows, func(hat thing) (event.Message, error) { return hat.message("hats"), nil })
		},
	}
	ada := audit.Operator{By: "Ada", Reason: "the topic was lost"}
	results, err := repair.Republish(t.Context(), pool, []repair.Model{hats}, ada, repair.RepublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s: %d events for %d aggregates\n", results[0].Topic, results[0].Appended, results[0].Aggregates)

	events, err := outbox.ListEvents(t.Context(), pool, outbox.EventFilter{Pending: true, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		fmt.Println(e.Key, e.Version, e.Type)
	}
	// Output:
	// hats: 2 events for 2 aggregates
	// fez 1 thing.deleted.v1
	// bowler 3 thing.changed.v1
}
