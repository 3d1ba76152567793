//go:build !realkafka

package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// A change and its event are committed together. The relay then publishes the event.
func Example() {
	env := newExampleEnvironment("shop.order.v1") // PostgreSQL with the messaging tables, and Kafka with the topic
	defer env.close()

	config := outbox.Config{Topics: []string{"shop.order.v1"}}
	if faults := config.Validate(); len(faults) > 0 {
		panic(errors.Join(faults...))
	}
	relay := outbox.NewRelay(env.pool, env.kafka, config, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = relay.Run(ctx)
	}()

	const id = "order-4711"
	err := pgx.BeginFunc(ctx, env.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO orders (id, version) VALUES ($1, 1)`, id); err != nil {
			return err
		}
		return outbox.Append(ctx, tx, event.Message{ID: uuid.Must(uuid.NewV7()), Topic: "shop.order.v1", Key: id,
			Version: 1, Type: "shop.order.created.v1", Payload: []byte(`{"specversion":"1.0"}`)}) // shortened
	})
	if err != nil {
		panic(err)
	}
	relay.Wake()

	record := env.firstRecord("shop.order.v1", id)
	fmt.Printf("Kafka has %s: %s\n", record.Key, record.Value)

	stop() // finishes running work, marks the event and releases the shards
	<-stopped
	status, err := outbox.ReadStatus(context.Background(), env.pool)
	fmt.Println("pending events:", status.Pending, err)
	// Output:
	// Kafka has order-4711: {"specversion":"1.0"}
	// pending events: 0 <nil>
}

// A message that Kafka would never accept is refused before anything is written.
func ExampleAppend_tooLarge() {
	var tx pgx.Tx // the transaction of the change
	err := outbox.Append(context.Background(), tx, event.Message{ID: uuid.Must(uuid.NewV7()), Topic: "shop.order.v1",
		Key: "order-4711", Version: 1, Type: "shop.order.created.v1", Payload: make([]byte, 1_000_000)})
	if tooLarge, is := errors.AsType[*outbox.TooLargeError](err); is {
		fmt.Println(tooLarge)
	}
	// Output: the event is too large: 1000000 bytes, the limit is 917504
}
