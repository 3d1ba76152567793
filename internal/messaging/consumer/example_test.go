package consumer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/exampletb"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// hat is what this consumer uses of the data of a hat's event.
type hat struct {
	Size int `json:"size"`
}

// applyHats keeps a copy of hats. The version guard in the UPSERT makes repeated and older events change nothing.
func applyHats(ctx context.Context, tx pgx.Tx, events []consumer.Event) error {
	for _, e := range events {
		if e.Purge {
			if _, err := tx.Exec(ctx, `UPDATE hat_copy SET size = NULL WHERE name = $1`, e.Key); err != nil {
				return err
			}
			continue
		}
		data, err := consumer.Data[hat](e)
		if err != nil {
			return err // poison: the data has another shape
		}
		if data.Size <= 0 {
			return consumer.Poison(fmt.Sprintf("the size %d is not positive", data.Size))
		}
		if _, err := tx.Exec(ctx, `INSERT INTO hat_copy (name, version, size) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET version = excluded.version, size = excluded.size
			WHERE hat_copy.version < excluded.version`, e.Key, e.Version, data.Size); err != nil {
			return err
		}
	}
	return nil
}

// A consumer applies four records. One is a repetition and one is poison. The two others reach the copy.
func Example() {
	t := exampletb.New()
	defer t.CleanUp()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
	if _, err := pool.Exec(t.Context(), `CREATE TABLE hat_copy (name text PRIMARY KEY, version bigint, size int)`); err != nil {
		t.Fatal(err)
	}
	kafka := kafkatest.New(t)
	topic := kafka.CreateTopic(t, "shop.hat.v1", 1)

	c := consumer.New(pool, consumer.Config[pgx.Tx]{
		Group:  kafka.Topic("hats"),
		Topics: map[string]consumer.Handler[pgx.Tx]{topic: applyHats},
		Bind:   func(tx pgx.Tx) pgx.Tx { return tx },
	}, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, kafka.Client(t)) }()

	kafka.Write(t, broker.TopicPartition{Topic: topic},
		hatEvent("fez", 1, 54), hatEvent("bowler", 1, -1), hatEvent("fez", 2, 56), hatEvent("fez", 1, 54))
	kafkatest.Eventually(t, "the consumer reaches the end of the log", func() bool {
		s := c.State()
		return len(s.Partitions) == 1 && s.Partitions[0].Position == 4
	})
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	var name string
	var version, size int64
	if err := pool.QueryRow(t.Context(), `SELECT name, version, size FROM hat_copy`).Scan(&name, &version, &size); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("copy: %s version %d, size %d\n", name, version, size)
	letters, err := consumer.ListDeadLetters(t.Context(), pool, consumer.DeadLetterFilter{State: consumer.Open})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		fmt.Printf("dead letter: %s at offset %d, %s: %s\n", l.Key, l.Offset, l.Code, l.Reason)
	}
	// Output:
	// copy: fez version 2, size 56
	// dead letter: bowler at offset 1, poison: the size -1 is not positive
}

// hatEvent is a record as the owner of the hats would write it.
func hatEvent(name string, version int64, size int) broker.Record {
	data, err := json.Marshal(hat{size})
	if err != nil {
		panic(err)
	}
	value, err := json.Marshal(event.Event{
		ID: fmt.Sprintf("%s-%d", name, version), Source: "/shop", Type: "shop.hat.changed.v1", Subject: name,
		Time: time.Now(), Version: version, Data: data,
	})
	if err != nil {
		panic(err)
	}
	return broker.Record{Key: []byte(name), Value: value, Time: time.Now()}
}
