package broker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// haltConfig makes a halted partition's position be read again soon.
func haltConfig() broker.GroupConfig { return broker.GroupConfig{HaltRecheck: 20 * time.Millisecond} }

// recreate deletes the bundle's topic and creates it again.
func (b *bundle) recreate(t *testing.T) {
	t.Helper()
	b.Reset(t, b.topic)
	b.CreateTopic(t, "events", 2)
}

func (b *bundle) topicID(t *testing.T) broker.TopicID {
	t.Helper()
	id, err := b.Client(t).TopicID(t.Context(), b.topic)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (b *bundle) awaitHalt(t *testing.T, code broker.HaltCode, reason string) {
	t.Helper()
	kafkatest.Eventually(t, "the partition is halted", func() bool { return len(b.state(b.client).Halted()) > 0 })
	h := b.state(b.client).Halted()[0]
	if h.TopicPartition != b.tp(0) || h.HaltCode != code || !strings.Contains(h.Halted, reason) {
		t.Errorf("got %+v, want %s with %q", h, code, reason)
	}
}

func (b *bundle) awaitNoHalt(t *testing.T) {
	t.Helper()
	kafkatest.Eventually(t, "the partition is read again", func() bool {
		s := b.state(b.client)
		return len(s.Partitions) == 2 && len(s.Halted()) == 0
	})
}

// wantStillHalted checks that the halt does not end by itself, and that nothing was applied.
func (b *bundle) wantStillHalted(t *testing.T, db *copies, applied int) {
	t.Helper()
	db.awaitRechecks(t)
	if h := b.state(b.client).Halted(); len(h) != 1 || db.count() != applied {
		t.Errorf("%d partitions are halted, %d records are applied, want 1 and %d", len(h), db.count(), applied)
	}
}

// Schedule: a consumer has applied 365 events. The topic is deleted, created again, and gets 900 events. A consumer that went
// on at offset 365 would miss 365 of them.
func TestTopicThatIsCreatedAgainHalts(t *testing.T) {
	t.Parallel()
	for name, running := range map[string]bool{"while the consumer runs": true, "while the consumer is away": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			db := newCopies()
			stop := b.consume(t, b.client, haltConfig(), db)
			b.write(t, 0, numbers(0, 365)...)
			kafkatest.Eventually(t, "the first log is applied", func() bool { return db.count() == 365 })
			if !running {
				stop()
			}
			b.recreate(t)
			b.write(t, 0, numbers(0, 900)...)
			if !running {
				b.consume(t, b.client, haltConfig(), db)
			}
			kafkatest.Eventually(t, "the partition is halted", func() bool {
				for _, h := range b.state(b.client).Halted() {
					if h.TopicPartition == b.tp(0) {
						return true
					}
				}
				return false
			})
			db.awaitRechecks(t)
			for _, h := range b.state(b.client).Halted() { // the other partition was never written to, but its position has the old id
				if h.HaltCode != broker.HaltTopicRecreated || !strings.Contains(h.Halted, b.topicID(t).String()) {
					t.Errorf("got %+v", h)
				}
			}
			if db.count() != 365 {
				t.Errorf("%d records of the new log were applied", db.count()-365)
			}
			for partition := range 2 { // an operator decides to read the new log from its start
				db.setPosition(b.tp(partition), broker.Position{LeaderEpoch: -1, TopicID: b.topicID(t)})
			}
			b.awaitNoHalt(t)
			kafkatest.Eventually(t, "the whole new log is applied", func() bool { return db.count() == 365+900 })
		})
	}
}

// Offsets that happen to fit again are no reason to go on.
func TestLogThatGrowsPastAHaltedPositionStaysHalted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 0, numbers(0, 5)...)
	db := newCopies()
	db.set(b.tp(0), 10)
	stop := b.consume(t, b.client, haltConfig(), db)
	b.awaitHalt(t, broker.HaltLogTruncated, "beyond the log's end 5")
	b.write(t, 0, numbers(5, 20)...)
	b.wantStillHalted(t, db, 0)
	other := b.Client(t) // a rebalance does not end it either
	otherDB := newCopies()
	stopOther := b.consume(t, other, haltConfig(), otherDB)
	kafkatest.Eventually(t, "another member has joined", func() bool { return len(b.state(other).Partitions) == 1 })
	stopOther()
	kafkatest.Eventually(t, "the partition is back", func() bool { return len(b.state(b.client).Partitions) == 2 })
	kafkatest.Eventually(t, "it is halted again", func() bool { return len(b.state(b.client).Halted()) == 1 })
	b.wantStillHalted(t, db, 0)
	db.set(b.tp(0), 12)
	b.awaitNoHalt(t)
	kafkatest.Eventually(t, "the rest is applied", func() bool { return db.count() == 8 })
	stop()
}

// Schedule: an unclean election truncates a log, and it grows again. Or a cluster is rebuilt with the topic's old id.
func TestPositionOfALaterLeaderEpochHalts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 0, numbers(0, 5)...)
	db := newCopies()
	db.setPosition(b.tp(0), broker.Position{Offset: 3, LeaderEpoch: 77, TopicID: b.topicID(t)})
	b.consume(t, b.client, haltConfig(), db)
	b.awaitHalt(t, broker.HaltLogTruncated, "was read in leader epoch 77")
	db.setPosition(b.tp(0), broker.Position{Offset: 3, LeaderEpoch: -1, TopicID: b.topicID(t)})
	kafkatest.Eventually(t, "the rest is applied", func() bool { return db.count() == 2 })
}

// Kafka tells where the epoch of the last batch ends. The embedded broker never truncates a log, so the test answers for it.
func TestLeaderEpochThatEndsBeforeThePositionHalts(t *testing.T) {
	t.Parallel()
	if kafkatest.Real() {
		return // truncation_test.go truncates a log of Kafka
	}
	for name, running := range map[string]bool{"while the consumer runs": true, "before it starts": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.write(t, 0, numbers(0, 5)...)
			db := newCopies()
			answer := make(chan int64, 1) // holds the end to answer, while there is one
			embedded, err := b.Embedded()
			if err != nil {
				t.Fatal(err)
			}
			embedded.Cluster().ControlKey(kmsg.OffsetForLeaderEpoch.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
				embedded.Cluster().KeepControl()
				select {
				case end := <-answer:
					answer <- end
					return endOfEpoch(request.(*kmsg.OffsetForLeaderEpochRequest), end), nil, true
				default:
					return nil, nil, false
				}
			})
			if running {
				b.consume(t, b.client, haltConfig(), db)
				kafkatest.Eventually(t, "all is applied", func() bool { return db.count() == 5 })
				answer <- 3
				if err := embedded.Cluster().MoveTopicPartition(b.topic, 0, 0); err != nil { // another leader epoch begins
					t.Fatal(err)
				}
			} else {
				db.setPosition(b.tp(0), broker.Position{Offset: 5, TopicID: b.topicID(t)})
				answer <- 3
				b.consume(t, b.client, haltConfig(), db)
			}
			b.awaitHalt(t, broker.HaltLogTruncated, "leader epoch 0 ends at offset 3, before the stored position 5")
			applied := db.count()
			b.write(t, 0, numbers(5, 9)...)
			b.wantStillHalted(t, db, applied)
			<-answer // the log proves to be the same
			b.awaitNoHalt(t)
			kafkatest.Eventually(t, "the rest is applied", func() bool { return db.position(b.tp(0)) == 9 })
		})
	}
}

func endOfEpoch(request *kmsg.OffsetForLeaderEpochRequest, end int64) kmsg.Response {
	response := request.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	for _, t := range request.Topics {
		topic := kmsg.OffsetForLeaderEpochResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			one := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			one.Partition, one.LeaderEpoch, one.EndOffset = p.Partition, p.LeaderEpoch, end
			topic.Partitions = append(topic.Partitions, one)
		}
		response.Topics = append(response.Topics, topic)
	}
	return response
}

// A change of the leader is no reason to halt. Positions tell the epoch of the last batch and the topic's id.
func TestPositionsCarryLeaderEpochAndTopicID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	db := newCopies()
	b.consume(t, b.client, haltConfig(), db)
	b.write(t, 0, numbers(0, 3)...)
	kafkatest.Eventually(t, "all is applied", func() bool { return db.count() == 3 })
	if want := (broker.Position{Offset: 3, LeaderEpoch: 0, TopicID: b.topicID(t)}); db.stored(b.tp(0)) != want || want.TopicID.IsZero() {
		t.Errorf("the position is %v, want %v", db.stored(b.tp(0)), want)
	}
	if kafkatest.Real() {
		return // with one broker, its leader does not change
	}
	embedded, err := b.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if err := embedded.Cluster().MoveTopicPartition(b.topic, 0, 0); err != nil {
		t.Fatal(err)
	}
	b.write(t, 0, numbers(3, 5)...)
	kafkatest.Eventually(t, "all is applied", func() bool { return db.count() == 5 })
	if got := db.stored(b.tp(0)); got.LeaderEpoch != 1 || len(b.state(b.client).Halted()) > 0 {
		t.Errorf("the position is %v, halted %v", got, b.state(b.client).Halted())
	}
	records := db.applied[b.tp(0)]
	if records[2].LeaderEpoch != 0 || records[3].LeaderEpoch != 1 {
		t.Errorf("epochs %d and %d, want 0 and 1", records[2].LeaderEpoch, records[3].LeaderEpoch)
	}
}
