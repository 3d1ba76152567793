package consumer_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// read makes the consumer read the test's topic in the test's group, without long pauses.
func read(kafka *kafkatest.Broker, topicName string) func(*consumer.Config[*tx]) {
	return func(c *consumer.Config[*tx]) {
		c.Group = kafka.Topic("things")
		c.Topics = map[string]consumer.Handler[*tx]{topicName: c.Topics[topic]}
		c.Versions = map[string]consumer.VersionOf[*tx]{topicName: c.Versions[topic]}
		c.Beat = 20 * time.Millisecond
		c.Tuning = broker.GroupConfig{
			MaxRecords: 20, HaltRecheck: 10 * time.Millisecond, TopicBackoff: 10 * time.Millisecond,
		}
	}
}

// start runs the consumer until stop is called. stop waits until the consumer has ended.
func (b *bundle) start(kafka *kafkatest.Broker) (stop func()) {
	b.t.Helper()
	client := kafka.Client(b.t)
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx, client) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.t.Errorf("run: %s", err)
		}
		client.Close()
	})
	b.t.Cleanup(stop)
	return stop
}

// fill writes four versions of each key into every partition. Some are repeated or late, and some are poison.
func fill(t *testing.T, kafka *kafkatest.Broker, topicName string, partitions, keys int) {
	t.Helper()
	for p := range partitions {
		var records []broker.Record
		for version := int64(1); version <= 4; version++ {
			for k := range keys {
				key := fmt.Sprintf("p%d-%d-", p, k)
				switch {
				case version == 2 && k%7 == 3:
					records = append(records, failing(key, version, "poison"))
				case version == 3 && k%7 == 4:
					records = append(records, raw(key, "?"))
				case version == 3 && k%7 == 5:
					records = append(records, named(key, 3), named(key, 2), named(key, 3))
				default:
					records = append(records, named(key, version))
				}
			}
		}
		kafka.Write(t, broker.TopicPartition{Topic: topicName, Partition: p}, records...)
	}
}

// caughtUp reports whether the whole topic was applied.
func (b *bundle) caughtUp(kafka *kafkatest.Broker, topicName string, partitions int) bool {
	b.t.Helper()
	ends := int64(0)
	for p := range partitions {
		log := kafka.Log(b.t, broker.TopicPartition{Topic: topicName, Partition: p})
		if len(log) > 0 {
			ends += log[len(log)-1].Offset + 1
		}
	}
	return query[int64](b, `SELECT coalesce(sum(next_offset), 0)::bigint FROM consumer_position`) == ends
}

// wantOnce checks that each change was made once, that no copy went back, and that all copies have their last version.
func (b *bundle) wantOnce(copies int) {
	b.t.Helper()
	if n := query[int](b, `SELECT count(*) FROM (SELECT FROM thing_change GROUP BY id, version HAVING count(*) > 1) x`); n != 0 {
		b.t.Errorf("%d changes were made more than once", n)
	}
	back := query[int](b, `SELECT count(*) FROM thing_change a JOIN thing_change b USING (id)
		WHERE a.seq < b.seq AND a.version > b.version`)
	if back != 0 {
		b.t.Errorf("%d copies went back", back)
	}
	if n := query[int](b, `SELECT count(*) FROM thing_copy WHERE version = 4`); n != copies {
		b.t.Errorf("%d copies are at their last version, want %d", n, copies)
	}
}

// The consumer is stopped, its connections are killed, and its transactions fail again and again, in the middle of batches.
// Still everything is applied once and in order.
func TestRestartsInTheMiddleOfBatches(t *testing.T) {
	t.Parallel()
	const partitions, keys = 3, 30
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", partitions)
	fill(t, kafka, name, partitions, keys)
	first := setup(t, read(kafka, name))
	for round := range 12 {
		var reached atomic.Bool
		b := on(t, first.pool, read(kafka, name), func(c *consumer.Config[*tx]) {
			inner := c.Topics[name]
			var calls atomic.Int64
			c.Topics[name] = func(ctx context.Context, t *tx, events []consumer.Event) error {
				if calls.Add(1)%4 == int64(round%4) {
					reached.Store(true) // the stop comes while the handler runs
					if err := inner(ctx, t, events); err != nil {
						return err
					}
					return fail(ctx, t, []string{"cut", "40001", "unavailable", ""}[round%4])
				}
				return inner(ctx, t, events)
			}
		})
		stop := b.start(kafka)
		kafkatest.Eventually(t, "the middle of a batch", func() bool {
			return reached.Load() || first.caughtUp(kafka, name, partitions)
		})
		stop()
	}
	first.start(kafka)
	kafkatest.Eventually(t, "all is applied", func() bool { return first.caughtUp(kafka, name, partitions) })
	first.wantOnce(partitions * keys)
	if n := query[int](first, `SELECT count(*) FROM dead_letter`); n != partitions*(4+4) {
		t.Errorf("%d dead letters, want %d", n, partitions*(4+4))
	}
	if n := query[int](first, `SELECT count(*) FROM dead_letter WHERE version IS NOT NULL AND state <> 'superseded'`); n != 0 {
		t.Errorf("%d dead letters are open although a newer version was applied", n)
	}

	rebuilt := setup(t, read(kafka, name), func(c *consumer.Config[*tx]) { c.Group += "-rebuilt" })
	rebuilt.start(kafka)
	kafkatest.Eventually(t, "a copy is rebuilt", func() bool { return rebuilt.caughtUp(kafka, name, partitions) })
	const all = `SELECT string_agg(id || version || name, ' ' ORDER BY id COLLATE "C") FROM thing_copy`
	if query[string](first, all) != query[string](rebuilt, all) {
		t.Error("the rebuilt copy differs")
	}
}

func TestTwoInstancesShareTheWork(t *testing.T) {
	t.Parallel()
	const partitions, keys = 4, 20
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", partitions)
	a := setup(t, read(kafka, name))
	b := on(t, a.pool, read(kafka, name))
	stop := a.start(kafka)
	b.start(kafka)
	t.Cleanup(func() { t.Logf("A %+v\nB %+v", a.State(), b.State()) })
	kafkatest.Eventually(t, "each has half", func() bool {
		return len(a.State().Partitions) == 2 && len(b.State().Partitions) == 2
	})
	fill(t, kafka, name, partitions, keys)
	stop()
	kafkatest.Eventually(t, "the other has taken over", func() bool {
		return len(b.State().Partitions) == partitions && a.caughtUp(kafka, name, partitions)
	})
	a.wantOnce(partitions * keys)
	kafkatest.Eventually(t, "no partition has a lag", func() bool {
		for _, p := range b.State().Partitions {
			if p.Lag != 0 || p.Position == 0 {
				return false
			}
		}
		return len(b.State().Problems()) == 0 && b.State().Joined
	})
}

func TestKafkaIsAwayForAWhile(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 1)
	part := broker.TopicPartition{Topic: name}
	b := setup(t, read(kafka, name))
	b.start(kafka)
	kafka.Write(t, part, named("a", 1))
	kafkatest.Eventually(t, "the first is applied", func() bool { return b.caughtUp(kafka, name, 1) })
	kafka.Stop()
	kafka.Write(t, part, named("a", 2))
	kafkatest.Eventually(t, "the state shows it", func() bool { return len(b.State().Problems()) > 0 })
	kafka.Start()
	kafkatest.Eventually(t, "the second is applied", func() bool { return b.caughtUp(kafka, name, 1) })
	b.wantChanges("a1 a2")
}

func TestATopicThatIsMissingIsWaitedFor(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.Topic("late")
	b := setup(t, read(kafka, name))
	b.start(kafka)
	kafkatest.Eventually(t, "the state says that it is missing", func() bool {
		return strings.Contains(strings.Join(b.State().Problems(), " "), "the topic "+name+" does not exist yet")
	})
	kafka.CreateTopic(t, "late", 1)
	kafka.Write(t, broker.TopicPartition{Topic: name}, named("a", 1))
	kafkatest.Eventually(t, "it is read", func() bool { return b.caughtUp(kafka, name, 1) })
}

// The topic was created again, or Kafka has lost its end. That is an alarm, not a reset that would silently skip or repeat
// records.
func TestAPositionBeyondTheLogIsAnAlarm(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 1)
	part := broker.TopicPartition{Topic: name}
	kafka.Write(t, part, named("a", 1), named("a", 2))
	b := setup(t, read(kafka, name))
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO consumer_position VALUES ($1, 0, 77)`, name); err != nil {
		t.Fatal(err)
	}
	b.start(kafka)
	kafkatest.Eventually(t, "the partition is halted", func() bool {
		return strings.Contains(strings.Join(b.State().Problems(), " "), "is halted: ")
	})
	if b.calls.Load() != 0 || query[int64](b, `SELECT next_offset FROM consumer_position`) != 77 {
		t.Error("the position was not left alone")
	}
	if _, err := b.pool.Exec(t.Context(), `UPDATE consumer_position SET next_offset = 1`); err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, "it continues at the corrected position", func() bool { return b.caughtUp(kafka, name, 1) })
	b.wantChanges("a2")
}

// A held partition shows in the state, delays no other partition, and continues by itself.
func TestAHeldPartitionDelaysNoOther(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 2)
	var mu sync.Mutex
	away := true
	b := setup(t, read(kafka, name), func(c *consumer.Config[*tx]) {
		inner := c.Topics[name]
		c.Topics[name] = func(ctx context.Context, t *tx, events []consumer.Event) error {
			mu.Lock()
			defer mu.Unlock()
			if events[0].Partition == 0 && away {
				return errUnknown
			}
			return inner(ctx, t, events)
		}
	})
	b.start(kafka)
	kafka.Write(t, broker.TopicPartition{Topic: name, Partition: 0}, named("a", 1))
	kafkatest.Eventually(t, "the partition is held", func() bool {
		s := b.State()
		return len(s.Partitions) == 2 && s.Partitions[0].Attempts > 2 && len(s.Problems()) == 1
	})
	kafka.Write(t, broker.TopicPartition{Topic: name, Partition: 1}, named("b", 1), named("b", 2))
	kafkatest.Eventually(t, "the other is applied", func() bool {
		return query[int](b, `SELECT count(*) FROM thing_change`) == 2
	})
	mu.Lock()
	away = false
	mu.Unlock()
	kafkatest.Eventually(t, "it continues", func() bool { return b.caughtUp(kafka, name, 2) && len(b.State().Problems()) == 0 })
	b.wantChanges("b1 b2 a1")
	b.wantLetters("")
}
