package request_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/exampletb"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

const resizeTopic = "shop.resize.v1"

// resize is what the example asks for.
type resize struct {
	Hat  string `json:"hat"`
	Size int    `json:"size"`
}

var errTooLarge = errors.New("no hat is larger than 65")

// A shop asks the owner of the hats for two changes. The owner makes one, and refuses the other. Here the messages do not
// travel through Kafka.
func Example() {
	t := exampletb.New()
	defer t.CleanUp()
	migrations := postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}
	shop, factory := pgtest.New(t, migrations), pgtest.New(t, migrations)

	owner := request.NewOwner(factory, request.OwnerConfig[pgx.Tx, resize]{
		Topic: resizeTopic, Outcomes: "factory.resize-outcome.v1", Keep: 40 * 24 * time.Hour,
		Bind: func(tx pgx.Tx) pgx.Tx { return tx }, Raw: func(tx pgx.Tx) pgx.Tx { return tx }, Committed: func(pgx.Tx) {},
		Read: func(e consumer.Event) (request.Received[resize], error) {
			body, err := consumer.Data[resize](e)
			return request.Received[resize]{ID: uuid.MustParse(e.ID), Key: e.Key, Number: e.Version,
				ExpiresAt: time.Now().Add(time.Hour), Subject: body.Hat, Body: body}, err
		},
		UsableKey: func(string) bool { return true },
		Versions:  func(context.Context, pgx.Tx, []string) (map[string]int64, error) { return nil, nil }, // nothing to wait for
		Prepare:   func(context.Context, pgx.Tx, []resize) error { return nil },
		Decide: func(_ context.Context, _ pgx.Tx, r resize) (version int64, changed bool, err error) {
			if r.Size > 65 {
				return 0, false, errTooLarge
			}
			return 2, true, nil // the owner's service changes the hat in this transaction
		},
		Refused:   func(err error) bool { return errors.Is(err, errTooLarge) },
		Discarded: errors.New,
		Append: func(ctx context.Context, _ pgx.Tx, outcomes ...request.Outcome) error {
			return finish(ctx, shop, outcomes) // the owner appends messages; the shop finishes its requests when they come
		},
	}, slog.New(slog.DiscardHandler))

	for _, size := range []int{58, 70} {
		id, err := askFor(t.Context(), shop, resize{Hat: "bowler", Size: size})
		if err != nil {
			t.Fatal(err)
		}
		if err := deliver(t.Context(), shop, factory, owner, id); err != nil {
			t.Fatal(err)
		}
		sent, err := request.Get(t.Context(), shop, resizeTopic, id)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("request %d, size %d: %s %s\n", sent.Number, size, sent.Outcome, sent.Result)
	}
	// Output:
	// request 1, size 58: accepted {"version": 2}
	// request 2, size 70: refused {"reason": "no hat is larger than 65"}
}

// askFor stores a request and appends its message, in one transaction.
func askFor(ctx context.Context, shop *pgxpool.Pool, body resize) (id uuid.UUID, err error) {
	data, err := json.Marshal(body)
	if err != nil {
		return id, err
	}
	id = uuid.Must(uuid.NewV7())
	return id, pgx.BeginFunc(ctx, shop, func(tx pgx.Tx) error {
		number, err := request.NextNumber(ctx, tx, resizeTopic, body.Hat)
		if err != nil {
			return err
		}
		sent := request.Sent{ID: id, Topic: resizeTopic, Key: body.Hat, Number: number, Subject: body.Hat, Body: data,
			CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
		return request.Send(ctx, tx, sent, nil, event.Message{ID: id, Topic: resizeTopic, Key: body.Hat, Version: number,
			Type: "shop.resize.requested.v1", Payload: data})
	})
}

// deliver hands a request to its owner, as the consumer does.
func deliver(ctx context.Context, shop, factory *pgxpool.Pool, owner *request.Owner[pgx.Tx, resize], id uuid.UUID) error {
	sent, err := request.Get(ctx, shop, resizeTopic, id)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, factory, func(tx pgx.Tx) error {
		return owner.Handle(ctx, tx, []consumer.Event{{
			Event: event.Event{ID: id.String(), Type: "shop.resize.requested.v1", Version: sent.Number, Data: sent.Body},
			Key:   sent.Key, Topic: resizeTopic,
		}})
	})
}

// finish stores the outcomes at the shop.
func finish(ctx context.Context, shop *pgxpool.Pool, outcomes []request.Outcome) error {
	var decisions []request.Decision
	for _, o := range outcomes {
		result := map[string]any{"version": o.Version}
		if o.Refusal != nil {
			result = map[string]any{"reason": o.Refusal.Error()}
		}
		data, err := json.Marshal(result)
		if err != nil {
			return err
		}
		decisions = append(decisions, request.Decision{Request: o.Request, Kind: o.Kind, Result: data})
	}
	return pgx.BeginFunc(ctx, shop, func(tx pgx.Tx) error {
		_, err := request.Finish(ctx, tx, decisions)
		return err
	})
}
