package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"

	messagingsql "github.com/monsplit/monsplit/sql/messaging"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// With the tag realkafka, the tests run on a real cluster. Only files without a build constraint run there: their tests
// depend on the broker's behavior. The others would only take time.

func TestMain(m *testing.M) {
	// If the tests start a PostgreSQL server of their own, it runs until their process ends.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/monsplit/monsplit/internal/pgserver.(*Server).run.func1"))
}

func messagingMigrations() postgres.Migrations {
	return postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}
}

// bundle is a database, a broker and two topics.
type bundle struct {
	t        *testing.T
	pool     *pgxpool.Pool
	kafka    *kafkatest.Broker
	products string
	markets  string
	tracer   pgx.QueryTracer // of the relays' connections; nil for none
}

func setup(t *testing.T) *bundle {
	t.Helper()
	kafka := kafkatest.New(t)
	return &bundle{t: t, pool: pgtest.New(t, messagingMigrations()), kafka: kafka,
		products: kafka.CreateTopic(t, "product", event.Partitions), markets: kafka.CreateTopic(t, "market", event.Partitions)}
}

// takeLease takes the lease of a shard that nobody has had before.
func (b *bundle) takeLease(topic string, shard int16, owner uuid.UUID) lease {
	b.t.Helper()
	q := messagingdb.New(b.pool)
	if err := q.AddLeases(b.t.Context(), []string{topic}); err != nil {
		b.t.Fatal(err)
	}
	l, err := q.TakeLease(b.t.Context(), messagingdb.TakeLeaseParams{Topic: topic, Shard: shard, Owner: owner})
	if err != nil {
		b.t.Fatal(err)
	}
	return lease{tp: shardOf(topic, shard), epoch: l.Epoch, producerID: l.ProducerID}
}

// allShards is the number of shards of the topics of a bundle.
const allShards = 2 * event.Partitions

func (b *bundle) topics() []string { return []string{b.products, b.markets} }

// config has short times: tens of milliseconds instead of seconds.
func (b *bundle) config(name string) Config {
	return Config{Topics: b.topics(), Name: name,
		LeaseTimeout: 1500 * time.Millisecond, RenewEvery: 100 * time.Millisecond, ProduceTimeout: 500 * time.Millisecond,
		SweepMin: 10 * time.Millisecond, SweepMax: 50 * time.Millisecond, RetryMin: 5 * time.Millisecond,
		RetryMax: 50 * time.Millisecond, BlockMin: 50 * time.Millisecond, BlockMax: 200 * time.Millisecond,
		RecheckEvery: 100 * time.Millisecond, StopTimeout: 2 * time.Second}
}

// runningRelay is a relay as in a process of its own. For others, crash looks like the end of that process by kill -9.
type runningRelay struct {
	*Relay
	b                   *bundle
	toDatabase, toKafka *dialer
	cancel              context.CancelFunc
	done                chan struct{}
}

// start runs a relay. Each change may adapt its configuration, and returns the broker to use.
func (b *bundle) start(name string, changes ...func(*Config, Broker) Broker) *runningRelay {
	b.t.Helper()
	r := &runningRelay{b: b, toDatabase: &dialer{}, toKafka: &dialer{}, done: make(chan struct{})}
	config, err := pgxpool.ParseConfig(pgtest.URL(b.pool))
	if err != nil {
		b.t.Fatal(err)
	}
	config.ConnConfig.DialFunc, config.ConnConfig.Tracer = r.toDatabase.DialContext, b.tracer
	pool, err := pgxpool.NewWithConfig(b.t.Context(), config)
	if err != nil {
		b.t.Fatal(err)
	}
	client, err := broker.New(broker.Config{Brokers: []string{b.kafka.Addr}, Dial: r.toKafka.DialContext}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.t.Fatal(err)
	}
	cfg, kafka := b.config(name), Broker(client)
	for _, change := range changes {
		kafka = change(&cfg, kafka)
	}
	for _, fault := range cfg.Validate() {
		b.t.Error(fault)
	}
	r.Relay = NewRelay(pool, kafka, cfg, slog.New(slog.NewTextHandler(b.t.Output(), nil)).With("relay", name))
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.t.Context()))
	r.cancel = cancel
	go func() {
		defer close(r.done)
		_ = r.Run(ctx)
		client.Close()
		pool.Close()
	}()
	b.t.Cleanup(r.stop)
	return r
}

func (r *runningRelay) stop() {
	r.cancel()
	<-r.done
}

// crash cuts every connection for good. From now on, the relay reaches neither the database nor Kafka, also not to
// leave the table of instances.
func (r *runningRelay) crash() {
	r.toDatabase.cut()
	r.toKafka.cut()
	r.cancel()
}

// dialer opens connections that can be cut.
type dialer struct {
	mu    sync.Mutex
	away  bool
	conns []net.Conn
}

func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return nil, errors.New("cut off")
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err == nil {
		d.conns = append(d.conns, conn)
	}
	return conn, err
}

func (d *dialer) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = true
	for _, c := range d.conns {
		_ = c.Close()
	}
}

func (d *dialer) mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = false
}

func message(topic, key string, version int64) event.Message {
	return event.Message{ID: uuid.New(), Topic: topic, Key: key, Version: version, Type: "test.v1",
		Payload: fmt.Appendf(nil, "%s/%d", key, version)}
}

// append commits messages in one transaction.
func (b *bundle) append(msgs ...event.Message) {
	b.t.Helper()
	if err := pgx.BeginFunc(b.t.Context(), b.pool, func(tx pgx.Tx) error {
		return Append(b.t.Context(), tx, msgs...)
	}); err != nil {
		b.t.Fatal(err)
	}
}

// versions returns messages for the versions from first to last of one key.
func versions(topic, key string, first, last int64) (msgs []event.Message) {
	for v := first; v <= last; v++ {
		msgs = append(msgs, message(topic, key, v))
	}
	return msgs
}

// log returns the versions of a key in Kafka, in their order.
func (b *bundle) log(topic, key string) (got []int64) {
	b.t.Helper()
	tp := broker.TopicPartition{Topic: topic, Partition: event.Partition([]byte(key), event.Partitions)}
	for _, r := range b.kafka.Log(b.t, tp) {
		if string(r.Key) != key {
			continue
		}
		var version int64
		if _, err := fmt.Sscanf(strings.TrimPrefix(string(r.Value), key+"/"), "%d", &version); err != nil {
			b.t.Fatalf("value %q of %s: %v", r.Value, key, err)
		}
		got = append(got, version)
	}
	return got
}

func (b *bundle) wantLog(topic, key string, want ...int64) {
	b.t.Helper()
	if got := b.log(topic, key); !slices.Equal(got, want) {
		b.t.Errorf("the log of %s has versions %v, want %v", key, got, want)
	}
}

// wantHistory checks that the log has all versions of a key, that the first records of the versions are in order, and
// that the highest version is last.
func (b *bundle) wantHistory(topic, key string, highest int64) {
	b.t.Helper()
	got, next := b.log(topic, key), int64(1)
	for _, v := range got {
		if v > next {
			b.t.Fatalf("the log of %s has version %d before version %d: %v", key, v, next, got)
		}
		if v == next {
			next++
		}
	}
	if next != highest+1 || got[len(got)-1] != highest {
		b.t.Errorf("the log of %s has versions %v, want it to reach and to end with %d", key, got, highest)
	}
}

func (b *bundle) pending() (n int64) {
	b.t.Helper()
	if err := b.pool.QueryRow(b.t.Context(), `SELECT count(*) FROM outbox_pending`).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

func (b *bundle) waitUntilSent() {
	b.t.Helper()
	kafkatest.Eventually(b.t, "everything is sent", func() bool { return b.pending() == 0 })
}

func (r *runningRelay) waitForShards(n int) {
	r.b.t.Helper()
	kafkatest.Eventually(r.b.t, fmt.Sprintf("%s has %d shards", r.cfg.Name, n), func() bool { return len(r.State().Shards) == n })
}
