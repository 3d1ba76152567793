// Package messaging_test holds the code of docs/messaging.md, so that it compiles. The examples of the packages below run.
package messaging_test

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/topics"
	"github.com/monsplit/monsplit/internal/messaging/wakeup"
)

// shop is a service that uses messaging.
type shop struct {
	pool          *pgxpool.Pool
	log           *slog.Logger
	applyPayments consumer.Handler[pgx.Tx]
	versions      func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) // of payments
}

var _ = shop.run

func (s shop) run(ctx context.Context, id uuid.UUID, orderID, paymentID string, version int64, payload json.RawMessage) error {
	pool, log, applyPayments, paymentVersions := s.pool, s.log, s.applyPayments, s.versions
	client, err := broker.New(broker.Config{Brokers: []string{"localhost:9092"}, ClientID: "shop"}, log)
	if err != nil {
		return err
	}
	waiters := wakeup.New(pool, wakeup.Config{MetricsNamespace: "shop"}, log)
	waiters.Register("payment", wakeup.UUIDs(paymentVersions)) // func(ctx, ids) (map[id]version, error)
	gate := topics.NewGate(client, log, broker.TopicSpec{Name: "shop.order.v1", Partitions: event.Partitions})
	relay := outbox.NewRelay(pool, client, outbox.Config{Topics: []string{"shop.order.v1"}, MetricsNamespace: "shop"}, log)
	payments := consumer.New(pool, consumer.Config[pgx.Tx]{
		Group: "shop", Bind: func(tx pgx.Tx) pgx.Tx { return tx },
		Topics:    map[string]consumer.Handler[pgx.Tx]{"bank.payment.v1": applyPayments}, // func(ctx, tx, []consumer.Event) error
		Committed: func(pgx.Tx) { relay.Wake(); waiters.Kick() },                         // a handler may append events
	}, log)
	consume := func(ctx context.Context) error { return payments.Run(ctx, client) }
	ended := make(chan error, 4)                         // what runs until ctx is done:
	go func() { ended <- gate.Run(ctx) }()               // creates and checks the topics of this service
	go func() { ended <- gate.Behind(relay.Run)(ctx) }() // publishes; any number of instances share the work
	go func() { ended <- gate.Behind(consume)(ctx) }()   // applies
	go func() { ended <- waiters.Run(ctx) }()            // looks for callers that wait

	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// 1. lock the aggregate's row; 2. change it, and raise its version by one; 3.:
		return outbox.Append(ctx, tx, event.Message{ID: id, Topic: "shop.order.v1", Key: orderID, Version: version,
			Type: "shop.order.paid.v1", Payload: payload})
	})
	relay.Wake() // after the commit
	if err != nil {
		return err
	}
	if err := waiters.Wait(ctx, "payment", paymentID, 3); err != nil { // until version 3 is applied here
		return err
	}
	return <-ended
}
