package repair_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// TestMain fails if goroutines outlive the tests. A server that pgtest has started ends with the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/monsplit/monsplit/internal/pgserver.(*Server).run.func1"))
}

var operator = audit.Operator{By: "ann", Reason: "the disk of the broker was lost"}

// system is a service with a running relay and a running consumer. It owns the topic "own", with the table thing.
type system struct {
	*testing.T
	repair.Service
	kafka    *kafkatest.Broker
	model    repair.Model
	relay    *outbox.Relay
	consumer *consumer.Consumer[pgx.Tx]
	stop     func() // the relay and the consumer; may be called again
}

func setup(t *testing.T) *system {
	t.Helper()
	s := &system{T: t, kafka: kafkatest.New(t)}
	s.Service = repair.Service{Kafka: s.kafka.Direct(), Publishes: []string{s.kafka.Topic("own"), s.kafka.Topic("queue")}, Consumes: []string{s.kafka.Topic("other")}}
	s.model = thingModel(s.Publishes[0])
	s.createTopics()
	url := pgtest.NewURL(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
	s.run(url)
	s.createThings()
	return s
}

// run starts the relay and the consumer on a database.
func (s *system) run(url string) {
	s.Helper()
	s.Pool = pgtest.Open(s.T, url)
	log := slog.New(slog.DiscardHandler)
	s.relay = outbox.NewRelay(s.Pool, s.kafka.Client(s.T), outbox.Config{Topics: s.Publishes}, log)
	s.consumer = consumer.New(s.Pool, consumer.Config[pgx.Tx]{
		Group: s.kafka.Topic("service"), Bind: func(tx pgx.Tx) pgx.Tx { return tx },
		Topics: map[string]consumer.Handler[pgx.Tx]{s.Consumes[0]: func(context.Context, pgx.Tx, []consumer.Event) error { return nil }},
		Tuning: broker.GroupConfig{HaltRecheck: 50 * time.Millisecond},
	}, log)
	ctx, cancel := context.WithCancel(s.Context())
	ended := make(chan error, 2)
	go func() { ended <- s.relay.Run(ctx) }()
	go func() { ended <- s.consumer.Run(ctx, s.kafka.Client(s.T)) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				s.Error(err)
			}
		}
	})
	s.Cleanup(s.stop)
}

// backup stops the relay and the consumer, and returns a copy of the database as it is. They run again afterwards.
func (s *system) backup() (url string) {
	s.Helper()
	s.stop()
	original := pgtest.URL(s.Pool)
	s.Pool.Close()
	url = pgtest.CopyOf(s.T, original)
	s.run(original)
	return url
}

// restore goes on with a backup.
func (s *system) restore(url string) {
	s.Helper()
	s.stop()
	s.run(url)
}

func (s *system) createTopics() {
	s.Helper()
	s.kafka.CreateTopic(s.T, "own", event.Partitions)
	s.kafka.CreateTopic(s.T, "queue", event.Partitions)
	s.kafka.CreateTopic(s.T, "other", 1)
}

// append appends an event and wakes the relay.
func (s *system) append(key string, version int64) {
	s.Helper()
	err := pgx.BeginFunc(s.Context(), s.Pool, func(tx pgx.Tx) error {
		return outbox.Append(s.Context(), tx, event.Message{
			ID: uuid.Must(uuid.NewV7()), Topic: s.Publishes[0], Key: key, Version: version, Type: "test.changed.v1", Payload: []byte(`{}`),
		})
	})
	if err != nil {
		s.Fatal(err)
	}
	s.relay.Wake()
}

// receive writes events of another service.
func (s *system) receive(n int) {
	s.Helper()
	tp := broker.TopicPartition{Topic: s.Consumes[0]}
	for i := range n {
		value, err := json.Marshal(event.Event{
			ID: uuid.NewString(), Source: "/other", Type: "other.changed.v1", Subject: "k", Time: time.Now(), Version: int64(i + 1), Data: []byte(`{}`),
		})
		if err != nil {
			s.Fatal(err)
		}
		s.kafka.Write(s.T, tp, broker.Record{Key: []byte("k"), Value: value, Time: time.Now()})
	}
}

func (s *system) position() int64 {
	s.Helper()
	return query[int64](s, `SELECT coalesce(max(next_offset), -1) FROM consumer_position`)
}

func query[T any](s *system, sql string, args ...any) (value T) {
	s.Helper()
	if err := s.Pool.QueryRow(s.Context(), sql, args...).Scan(&value); err != nil {
		s.Fatal(err)
	}
	return value
}

func (s *system) sent() bool { return query[int64](s, `SELECT count(*) FROM outbox_pending`) == 0 }

// started waits until the relay has all shards. A shard that starts later knows only the logs that exist then.
func (s *system) started() {
	s.Helper()
	kafkatest.Eventually(s.T, "the relay has all shards", func() bool {
		return query[int64](s, `SELECT count(*) FROM outbox_log`) == int64(len(s.Publishes)*event.Partitions)
	})
}

func (s *system) actions() []string {
	s.Helper()
	list, err := audit.List(s.Context(), s.Pool, audit.Filter{Limit: 10})
	if err != nil {
		s.Fatal(err)
	}
	var commands []string
	for _, a := range list {
		commands = append(commands, a.By+": "+a.Command+": "+a.Reason)
	}
	return commands
}

func TestReset(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.receive(4)
	kafkatest.Eventually(t, "the events are applied", func() bool { return s.position() == 4 })
	options := repair.ResetOptions{Topic: s.Consumes[0], Partition: consumer.AllPartitions, To: consumer.AtOffset(1), DryRun: true}
	changes, err := s.Reset(t.Context(), operator, options)
	if err != nil || len(changes) != 1 || *changes[0].From != 4 || changes[0].To != 1 {
		t.Fatalf("a dry run would change %+v, %v", changes, err)
	}
	if s.position() != 4 || s.actions() != nil {
		t.Errorf("a dry run has set the position to %d, and recorded %q", s.position(), s.actions())
	}
	options.DryRun = false
	if _, err := s.Reset(t.Context(), operator, options); err != nil {
		t.Fatal(err)
	}
	want := []string{"ann: consumer reset: the disk of the broker was lost"}
	if got := s.actions(); !slices.Equal(got, want) {
		t.Errorf("recorded %q", got)
	}
	kafkatest.Eventually(t, "the events are applied again", func() bool { return s.position() == 4 })
	for name, o := range map[string]repair.ResetOptions{
		"own topic":        {Topic: s.Publishes[0], Partition: consumer.AllPartitions, To: consumer.AtStart()},
		"unknown topic":    {Topic: "unknown", Partition: consumer.AllPartitions, To: consumer.AtStart()},
		"beyond the end":   {Topic: s.Consumes[0], Partition: 0, To: consumer.AtOffset(5)},
		"not a partition":  {Topic: s.Consumes[0], Partition: 7, To: consumer.AtStart()},
		"negative, not -1": {Topic: s.Consumes[0], Partition: -2, To: consumer.AtStart()},
	} {
		if changes, err := s.Reset(t.Context(), operator, o); err == nil {
			t.Errorf("%s: %+v", name, changes)
		}
	}
	if got := s.actions(); !slices.Equal(got, want) {
		t.Errorf("after refusals the record is %q", got)
	}
}

// Both topics are deleted and created again. The relay and the consumer halt until an operator adopts the new topics.
func TestAdopt(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.append("a", 1)
	s.receive(3)
	kafkatest.Eventually(t, "everything is sent and applied", func() bool { return s.sent() && s.position() == 3 })
	s.started()

	s.kafka.Reset(t, append(s.Publishes, s.Consumes...)...)
	s.createTopics()
	s.append("a", 2)
	s.receive(5)
	kafkatest.Eventually(t, "both halt", func() bool {
		return slices.ContainsFunc(s.consumer.State().Problems(), func(p string) bool { return strings.Contains(p, "created again") }) &&
			query[int64](s, `SELECT count(*) FROM outbox_halt`) > 0
	})

	would, err := s.Adopt(t.Context(), operator, repair.AdoptOptions{Positions: consumer.AtStart(), DryRun: true})
	if err != nil || len(would.Consumes) != 1 || would.Consumes[0].To != 0 || len(would.Publishes) != len(s.Publishes)*event.Partitions || s.actions() != nil || s.position() != 3 {
		t.Fatalf("a dry run would change %+v, %v; it recorded %q, and the position is %d", would, err, s.actions(), s.position())
	}
	if _, err := s.Adopt(t.Context(), operator, repair.AdoptOptions{Positions: consumer.AtStart()}); err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, "everything is sent and applied", func() bool { return s.sent() && s.position() == 5 })
	kafkatest.Eventually(t, "nothing is halted", func() bool {
		return len(s.consumer.State().Problems()) == 0 && query[int64](s, `SELECT count(*) FROM outbox_halt`) == 0
	})
	if got, want := s.actions(), []string{"ann: adopt: the disk of the broker was lost"}; !slices.Equal(got, want) {
		t.Errorf("recorded %q", got)
	}
}
