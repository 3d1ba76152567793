package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func (b *bundle) partition(topic, key string) broker.TopicPartition {
	return broker.TopicPartition{Topic: topic, Partition: event.Partition([]byte(key), event.Partitions)}
}

// TestCrashInTheMiddle kills one relay after the other while a writer goes on.
func TestCrashInTheMiddle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const keys, rounds, generations = 20, 12, 4
	version := int64(0)
	for generation := range generations {
		relay := b.start(fmt.Sprint("generation-", generation), func(c *Config, k Broker) Broker { c.ClaimRows = 100; return k })
		for range rounds {
			version++
			for k := range keys {
				b.append(message(b.topics()[k%2], fmt.Sprint("key-", k), version))
			}
			relay.Wake()
			if generation > 0 && version%rounds == rounds/2 {
				relay.waitForShards(event.Partitions)
			}
		}
		if generation < generations-1 {
			relay.crash()
		}
	}
	b.waitUntilSent()
	for k := range keys {
		b.wantHistory(b.topics()[k%2], fmt.Sprint("key-", k), version)
	}
}

// TestCrashBetweenAckAndMark: nobody knows that the events were written, so they are sent again, in order.
func TestCrashBetweenAckAndMark(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.start("a", func(c *Config, k Broker) Broker { c.MarkRest = time.Hour; return k })
	first.waitForShards(event.Partitions)
	b.append(message(b.products, "warm-up", 1))
	b.waitUntilSent() // the rest begins now
	b.append(versions(b.products, "a", 1, 3)...)
	first.Wake()
	kafkatest.Eventually(t, "the events are in the log", func() bool { return len(b.log(b.products, "a")) == 3 })
	first.crash()
	if n := b.pending(); n != 3 {
		t.Fatalf("%d events are pending, want 3", n)
	}
	b.start("b")
	b.waitUntilSent()
	b.wantLog(b.products, "a", 1, 2, 3, 1, 2, 3)
}

// deaf is a broker that writes and whose answers do not arrive, or that does not even write.
type deaf struct {
	Broker
	writes  bool
	calls   atomic.Int64
	healthy atomic.Bool
}

func (d *deaf) Produce(ctx context.Context, batches []*broker.Batch) []broker.Result {
	d.calls.Add(1)
	if d.healthy.Load() {
		return d.Broker.Produce(ctx, batches)
	}
	if d.writes {
		d.Broker.Produce(ctx, batches)
	}
	results := make([]broker.Result, len(batches))
	for i := range results {
		results[i].Err = errors.New("no answer")
	}
	return results
}

// TestNotMarkedBeforeTheAck: while the broker does not answer, nothing counts as sent; and then once is enough.
func TestNotMarkedBeforeTheAck(t *testing.T) {
	t.Parallel()
	for name, writes := range map[string]bool{"written": true, "not written": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			kafka := &deaf{writes: writes}
			relay := b.start("a", func(_ *Config, k Broker) Broker { kafka.Broker = k; return kafka })
			b.append(versions(b.products, "a", 1, 3)...)
			relay.Wake()
			kafkatest.Eventually(t, "the batch was sent a few times, or counts as sent", func() bool { return kafka.calls.Load() > 3 || b.pending() == 0 })
			if n := b.pending(); n != 3 {
				t.Errorf("%d events are pending without any ack, want 3", n)
			}
			kafka.healthy.Store(true)
			b.waitUntilSent()
			b.wantLog(b.products, "a", 1, 2, 3)
		})
	}
}

func TestAnswerLost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	relay.waitForShards(event.Partitions)
	b.kafka.LoseAnswers(kafkatest.Produce, 3)
	for v := range int64(6) {
		b.append(message(b.products, "a", v+1))
		relay.Wake()
	}
	b.waitUntilSent()
	b.wantLog(b.products, "a", 1, 2, 3, 4, 5, 6)
}

func TestKafkaAway(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]struct{ begin, end func(*kafkatest.Broker) }{
		"gone":    {(*kafkatest.Broker).Stop, (*kafkatest.Broker).Start},
		"hanging": {(*kafkatest.Broker).Pause, (*kafkatest.Broker).Resume},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			relay := b.start("a")
			b.append(message(b.products, "a", 1))
			b.waitUntilSent()
			fault.begin(b.kafka)
			b.append(versions(b.products, "a", 2, 4)...)
			relay.Wake()
			kafkatest.Eventually(t, "the trouble shows", func() bool { return relay.State().Troubles["kafka"] != "" })
			if n := b.pending(); n != 3 {
				t.Errorf("%d events are pending, want 3", n)
			}
			fault.end(b.kafka)
			b.waitUntilSent()
			b.wantLog(b.products, "a", 1, 2, 3, 4)
			kafkatest.Eventually(t, "the trouble is over", func() bool { return len(relay.State().Troubles) == 0 })
		})
	}
}

// TestDatabaseAway: publishing stops in time, and goes on by itself.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	b.append(message(b.products, "a", 1))
	b.waitUntilSent()
	relay.toDatabase.cut()
	b.append(versions(b.products, "a", 2, 3)...)
	kafkatest.Eventually(t, "the trouble shows", func() bool { return relay.State().Troubles["leases"] != "" })
	relay.toDatabase.mend()
	b.waitUntilSent()
	b.wantHistory(b.products, "a", 3)
	kafkatest.Eventually(t, "the trouble is over", func() bool { return len(relay.State().Troubles) == 0 })
}

// stuck holds one request back, as a process that is stopped in the middle of it does.
type stuck struct {
	Broker
	once             sync.Once
	reached, release chan struct{}
	batches          []*broker.Batch // of that request, once it is reached
	answered         chan []broker.Result
}

func newStuck() *stuck {
	return &stuck{reached: make(chan struct{}), release: make(chan struct{}), answered: make(chan []broker.Result, 1)}
}

func (s *stuck) Produce(ctx context.Context, batches []*broker.Batch) []broker.Result {
	first := false
	s.once.Do(func() { first = true })
	if !first {
		return s.Broker.Produce(ctx, batches)
	}
	s.batches = batches
	close(s.reached)
	<-s.release
	results := s.Broker.Produce(context.WithoutCancel(ctx), batches)
	s.answered <- results
	return results
}

// TestZombieIsFenced replays H1: a relay is stopped just before it sends version 1, another one takes its shards over and
// publishes versions 1 and 2, and then the first one's request arrives. Compaction keeps what is written last.
func TestZombieIsFenced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kafka := newStuck()
	zombie := b.start("zombie", func(_ *Config, k Broker) Broker { kafka.Broker = k; return kafka })
	zombie.waitForShards(event.Partitions)
	b.append(message(b.products, "a", 1))
	zombie.Wake()
	<-kafka.reached
	zombie.toDatabase.cut()
	b.append(message(b.products, "a", 2))
	heir := b.start("heir")
	b.waitUntilSent()
	heir.waitForShards(event.Partitions)
	b.wantLog(b.products, "a", 1, 2)
	close(kafka.release)
	wantFenced(t, <-kafka.answered)
	b.wantLog(b.products, "a", 1, 2)
}

// TestAFasterZombieIsOvertaken is H1 in the other order: the zombie's request arrives before its heir has written
// anything, so nothing fences it yet. The heir sends all that is pending, so the log repeats a version and ends with the
// highest one; from now on the zombie is fenced.
func TestAFasterZombieIsOvertaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old, young := newStuck(), newStuck()
	zombie := b.start("zombie", func(_ *Config, k Broker) Broker { old.Broker = k; return old })
	zombie.waitForShards(event.Partitions)
	b.append(message(b.products, "a", 1))
	zombie.Wake()
	<-old.reached
	zombie.toDatabase.cut()
	b.append(message(b.products, "a", 2))
	b.start("heir", func(_ *Config, k Broker) Broker { young.Broker = k; return young })
	<-young.reached
	close(old.release)
	for _, r := range <-old.answered {
		if r.Err != nil {
			t.Errorf("the zombie was not faster: %v", r.Err)
		}
	}
	close(young.release)
	b.waitUntilSent()
	b.wantLog(b.products, "a", 1, 1, 2)
	wantFenced(t, old.Broker.Produce(t.Context(), old.batches))
	b.wantLog(b.products, "a", 1, 1, 2)
}

func wantFenced(t *testing.T, results []broker.Result) {
	t.Helper()
	for _, r := range results {
		if broker.VerdictOf(r.Err) != broker.Fenced {
			t.Errorf("the zombie's request was answered with %v, want it fenced", r.Err)
		}
	}
}

// picky refuses batches that are larger than its limit, as a topic with a small max.message.bytes does.
type picky struct {
	Broker
	mu    sync.Mutex
	limit int
}

func (p *picky) Produce(ctx context.Context, batches []*broker.Batch) []broker.Result {
	p.mu.Lock()
	limit := p.limit
	p.mu.Unlock()
	results := make([]broker.Result, len(batches))
	var good []*broker.Batch
	var at []int
	for i, batch := range batches {
		if batch.Bytes() > limit {
			results[i].Err = &broker.Error{TP: batch.TP, Code: 10, Verdict: broker.Refused, Err: errors.New("message too large")}
			continue
		}
		good, at = append(good, batch), append(at, i)
	}
	if len(good) > 0 {
		for i, r := range p.Broker.Produce(ctx, good) {
			results[at[i]] = r
		}
	}
	return results
}

func (p *picky) set(limit int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = limit
}

// TestPoisonDelaysItsAggregateAlone: among many events of one partition one is too large for the topic.
func TestPoisonDelaysItsAggregateAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var sick string
	var healthy []string
	for i := 0; len(healthy) < 5; i++ { // aggregates of one partition
		key := fmt.Sprint("key-", i)
		switch {
		case event.Partition([]byte(key), event.Partitions) != 3:
		case sick == "":
			sick = key
		default:
			healthy = append(healthy, key)
		}
	}
	poison := message(b.products, sick, 2)
	poison.Payload = append(poison.Payload, make([]byte, 5000)...)
	msgs := []event.Message{message(b.products, sick, 1)}
	for v := range int64(20) {
		for _, key := range healthy {
			msgs = append(msgs, message(b.products, key, v+1))
		}
		if v == 5 {
			msgs = append(msgs, poison, message(b.products, sick, 3))
		}
	}
	b.append(msgs...)
	kafka := &picky{limit: 4000}
	relay := b.start("a", func(_ *Config, k Broker) Broker { kafka.Broker = k; return kafka })
	kafkatest.Eventually(t, "all but the poisoned aggregate is sent", func() bool { return b.pending() == 2 })
	for _, key := range healthy {
		b.wantHistory(b.products, key, 20)
	}
	b.wantLog(b.products, sick, 1)
	kafkatest.Eventually(t, "it was tried again", func() bool {
		s, err := ReadStatus(t.Context(), b.pool)
		return err == nil && len(s.Blocked) == 1 && s.Blocked[0].Attempts >= 3 && s.Blocked[0].Key == sick && s.Blocked[0].LastError != ""
	})
	// It must not hold what comes later either.
	b.append(message(b.products, sick, 4), message(b.products, healthy[0], 21))
	relay.Wake()
	kafkatest.Eventually(t, "a healthy aggregate goes on", func() bool { return len(b.log(b.products, healthy[0])) == 21 })
	b.wantLog(b.products, sick, 1)
	kafka.set(1 << 20) // the operator allows larger messages
	b.waitUntilSent()
	b.wantHistory(b.products, sick, 4)
	if s, err := ReadStatus(t.Context(), b.pool); err != nil || len(s.Blocked) != 0 {
		t.Errorf("blocked after all is sent: %+v, %v", s.Blocked, err)
	}
}

// TestBrokerVerdicts: whatever one partition's leader says a few times, everything is published in order.
func TestBrokerVerdicts(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]int16{
		"no leader": 5, "not the leader": 6, "timed out": 7, "not enough replicas": 19, "corrupt": 2, "invalid record": 87,
		"sequence out of order": 45, "fenced": 47, "not authorized": 29,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			relay := b.start("a")
			b.append(versions(b.products, "a", 1, 2)...)
			b.waitUntilSent()
			b.kafka.RefuseProduce(b.partition(b.products, "a"), code, 2)
			for v := range int64(5) {
				b.append(message(b.products, "a", v+3), message(b.products, "other", v+1))
				relay.Wake()
			}
			b.waitUntilSent()
			b.wantHistory(b.products, "a", 7)
			b.wantLog(b.products, "other", 1, 2, 3, 4, 5)
			kafkatest.Eventually(t, "all shards are at work", func() bool {
				s := relay.State()
				return len(s.Shards) == event.Partitions && len(s.Halted) == 0
			})
		})
	}
}

// TestPartitionWithoutLeaderWaitsAlone: for as long as it lasts.
func TestPartitionWithoutLeaderWaitsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start("a", func(c *Config, k Broker) Broker { c.ClaimRows = 24; return k })
	b.kafka.RefuseProduce(b.partition(b.products, "a"), 5, 1<<30)
	b.append(versions(b.products, "a", 1, 100)...)
	b.append(versions(b.products, "other", 1, 100)...)
	kafkatest.Eventually(t, "the other partition's events are sent", func() bool { return b.pending() == 100 })
	b.kafka.Heal()
	b.waitUntilSent()
	b.wantHistory(b.products, "a", 100)
	b.wantHistory(b.products, "other", 100)
	if s, err := ReadStatus(t.Context(), b.pool); err != nil || s.BlockedCount != 0 {
		t.Errorf("%d aggregates were charged, %v", s.BlockedCount, err)
	}
}

// TestDatabaseKilledInTheMiddle: PostgreSQL crashes while a relay that does not crash goes on. Whatever was committed is
// published, in order, and no mark that the relay relies on is undone by the recovery.
func TestDatabaseKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	kafka := kafkatest.New(t)
	pool, err := pgxpool.New(t.Context(), server.NewURL(messagingMigrations()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	b := &bundle{t: t, pool: pool, kafka: kafka, products: kafka.CreateTopic(t, "product", event.Partitions),
		markets: kafka.CreateTopic(t, "market", event.Partitions)}
	relay := b.start("survivor", func(c *Config, k Broker) Broker { c.MarkRest = -1; return k })
	relay.waitForShards(event.Partitions)
	const keys, kills, changes = 5, 4, 40
	var committed [keys]int64
	for range kills {
		for i := range changes {
			k := i % keys
			b.append(message(b.products, fmt.Sprint("key-", k), committed[k]+1))
			committed[k]++
			relay.Wake()
		}
		server.Kill()
		server.Start()
		pool.Reset() // the writer's connections have died as well: it must not be what fails
	}
	kafkatest.Eventually(t, "everything is sent", func() bool {
		var pending int
		err := pool.QueryRow(t.Context(), `SELECT count(*) FROM outbox_pending`).Scan(&pending)
		return err == nil && pending == 0
	})
	for k, highest := range committed {
		b.wantHistory(b.products, fmt.Sprint("key-", k), highest)
	}
}

// TestMarksOutliveACrash: the schedule is at markSettings. It is too narrow to be hit, so the setting is looked at.
func TestMarksOutliveACrash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := newCoordinator(NewRelay(b.pool, nil, b.config("a"), slog.New(slog.DiscardHandler)), t.Context(), uuid.New())
	defer c.marks.link.close(t.Context())
	if _, err := c.marks.link.queries(t.Context()); err != nil {
		t.Fatal(err)
	}
	var setting string
	if err := c.marks.link.conn.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&setting); err != nil || setting != "on" {
		t.Errorf("marks are committed with synchronous_commit = %s (%v)", setting, err)
	}
}
