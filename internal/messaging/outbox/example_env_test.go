//go:build !realkafka

package outbox_test

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/exampletb"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"

	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// exampleEnvironment is the database and the broker of an example.
type exampleEnvironment struct {
	tb     *exampletb.TB
	pool   *pgxpool.Pool
	kafka  *broker.Client
	broker *kafkatest.Broker
}

func newExampleEnvironment(topic string) *exampleEnvironment {
	tb := exampletb.New()
	env := &exampleEnvironment{tb: tb, broker: kafkatest.New(tb),
		pool: pgtest.New(tb, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})}
	env.broker.CreateTopic(tb, topic, event.Partitions)
	env.kafka = env.broker.Client(tb)
	if _, err := env.pool.Exec(tb.Context(), `CREATE TABLE orders (id text PRIMARY KEY, version bigint NOT NULL)`); err != nil {
		tb.Fatal(err)
	}
	return env
}

func (e *exampleEnvironment) close() { e.tb.CleanUp() }

// firstRecord waits for the first record in the key's partition.
func (e *exampleEnvironment) firstRecord(topic, key string) broker.Record {
	tp := broker.TopicPartition{Topic: topic, Partition: event.Partition([]byte(key), event.Partitions)}
	var log []broker.Fetched
	kafkatest.Eventually(e.tb, "the event is in Kafka", func() bool {
		log = e.broker.Log(e.tb, tp)
		return len(log) > 0
	})
	return log[0].Record
}
