//go:build !realkafka

package outbox_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"

	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// exampleEnvironment is the database and the broker of an example.
type exampleEnvironment struct {
	tb     *exampleTB
	pool   *pgxpool.Pool
	kafka  *broker.Client
	broker *kafkatest.Broker
}

func newExampleEnvironment(topic string) *exampleEnvironment {
	tb := &exampleTB{}
	env := &exampleEnvironment{tb: tb, broker: kafkatest.New(tb),
		pool: pgtest.New(tb, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})}
	env.broker.CreateTopic(tb, topic, event.Partitions)
	env.kafka = env.broker.Client(tb)
	if _, err := env.pool.Exec(tb.Context(), `CREATE TABLE orders (id text PRIMARY KEY, version bigint NOT NULL)`); err != nil {
		tb.Fatal(err)
	}
	return env
}

func (e *exampleEnvironment) close() {
	for _, end := range slices.Backward(e.tb.cleanups) {
		end()
	}
}

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

// exampleTB lets an example use helpers that need a test. A failure ends the example with a panic.
type exampleTB struct {
	testing.TB

	cleanups []func()
}

func (*exampleTB) Helper()                        {}
func (*exampleTB) Name() string                   { return "Example" }
func (*exampleTB) Context() context.Context       { return context.Background() }
func (*exampleTB) Failed() bool                   { return false }
func (*exampleTB) Log(...any)                     {}
func (*exampleTB) Logf(string, ...any)            {}
func (*exampleTB) Fatal(args ...any)              { panic(fmt.Sprint(args...)) }
func (*exampleTB) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (*exampleTB) Error(args ...any)              { panic(fmt.Sprint(args...)) }
func (*exampleTB) Errorf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }
func (t *exampleTB) Cleanup(end func())           { t.cleanups = append(t.cleanups, end) }
