package broker_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestTwoMembersShareAndHandOverWithoutLoss(t *testing.T) {
	t.Parallel()
	b := setup(t)
	topic := b.CreateTopic(t, "shared", 6)
	other := b.Client(t)
	db := newCopies()
	cfg := broker.GroupConfig{Topics: []string{topic}, HeartbeatInterval: 50 * time.Millisecond}
	written := 0
	writeAll := func() {
		for p := range 6 {
			b.Write(t, broker.TopicPartition{Topic: topic, Partition: p},
				broker.Record{Key: []byte("k"), Value: []byte(fmt.Sprint(written)), Time: time.Now()})
		}
		written += 6
	}
	stopFirst := b.consume(t, b.client, cfg, db)
	writeAll()
	kafkatest.Eventually(t, "one member applies all", func() bool { return db.count() == written })
	b.consume(t, other, cfg, db)
	kafkatest.Eventually(t, "both have half", func() bool {
		writeAll()
		return len(b.state(b.client).Partitions) == 3 && len(b.state(other).Partitions) == 3
	})
	stopFirst()
	if _, running := b.client.GroupState(b.Topic("group")); running {
		t.Error("a member that has left still has a state")
	}
	kafkatest.Eventually(t, "the other takes over", func() bool {
		writeAll()
		return len(b.state(other).Partitions) == 6
	})
	kafkatest.Eventually(t, "nothing is lost", func() bool { return db.count() == written })
	for p := range 6 {
		values := db.values(broker.TopicPartition{Topic: topic, Partition: p})
		want := []string{}
		for n := 0; n < written; n += 6 {
			want = append(want, fmt.Sprint(n))
		}
		if !slices.Equal(values, want) {
			t.Errorf("partition %d: %q, want %q", p, values, want)
		}
	}
}

// H2 zombie consumer: a member is paused within a batch for longer than its session, and goes on after its successor has
// applied that batch and more. Because it compares positions in the database, it applies nothing. Its client then continues
// at the successor's position.
func TestZombieAppliesNothingTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 0, numbers(0, 3)...)
	db := newCopies()
	zombie := &stalling{copies: db, reached: make(chan struct{}), release: make(chan struct{})}
	cfg := broker.GroupConfig{HeartbeatInterval: 50 * time.Millisecond, RebalanceTimeout: time.Second, HandleGrace: 100 * time.Millisecond}
	b.consume(t, b.client, cfg, zombie)
	<-zombie.reached
	b.consume(t, b.Client(t), cfg, db)
	kafkatest.Eventually(t, "the successor applies the batch", func() bool { return db.position(b.tp(0)) == 3 })
	b.write(t, 0, "3")
	kafkatest.Eventually(t, "the successor applies more", func() bool { return db.position(b.tp(0)) == 4 })
	close(zombie.release)
	b.write(t, 0, "4")
	b.write(t, 1, "other")
	kafkatest.Eventually(t, "all is applied", func() bool { return db.position(b.tp(0)) == 5 && db.position(b.tp(1)) == 1 })
	if got := db.values(b.tp(0)); !slices.Equal(got, numbers(0, 5)) {
		t.Errorf("got %q", got)
	}
}

// stalling is a handler whose first Handle blocks until release is closed, even if its context ends.
type stalling struct {
	*copies
	once             sync.Once
	reached, release chan struct{}
}

func (s *stalling) Handle(ctx context.Context, tp broker.TopicPartition, from int64, next broker.Position, records []broker.Fetched) error {
	s.once.Do(func() {
		close(s.reached)
		<-s.release
	})
	return s.copies.Handle(ctx, tp, from, next, records)
}

func TestPositionsAreShownToLagTools(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 0, numbers(0, 3)...)
	db := newCopies()
	stop := b.consume(t, b.client, broker.GroupConfig{CommitInterval: time.Hour}, db)
	kafkatest.Eventually(t, "all is applied", func() bool { return db.count() == 3 })
	stop()
	if got := committed(t, b, b.tp(0)); got != 3 {
		t.Errorf("committed %d, want 3", got)
	}
}

func TestGroupThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, cfg := range map[string]broker.GroupConfig{
		"no name":         {Topics: []string{"t"}},
		"no topic":        {GroupID: "g"},
		"grace too large": {GroupID: "g", Topics: []string{"t"}, HandleGrace: time.Minute},
	} {
		if err := b.client.Consume(t.Context(), cfg, newCopies()); err == nil {
			t.Error(name)
		}
	}
}

// With another number of partitions, keys move to other partitions, and their events may be applied out of order.
func TestAnotherNumberOfPartitionsHalts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	topic := b.CreateTopic(t, "grown", 5)
	b.Write(t, broker.TopicPartition{Topic: topic}, broker.Record{Key: []byte("k"), Value: []byte("v"), Time: time.Now()})
	db := newCopies()
	b.consume(t, b.client, broker.GroupConfig{Topics: []string{topic}, Partitions: 12}, db)
	kafkatest.Eventually(t, "the state says why", func() bool {
		return strings.Contains(fmt.Sprint(b.state(b.client)), "has 5 partitions instead of 12")
	})
	if db.count() != 0 {
		t.Errorf("%d records were applied", db.count())
	}
}

// A process that is killed while it joins the group is already a member, but sends no more requests. The living members must
// get its partitions.
func TestAMemberThatDiesWhileJoiningIsForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	topic := b.CreateTopic(t, "shared", 6)
	// The first member notices the rebalance late, so that the second one waits in its join.
	cfg := broker.GroupConfig{Topics: []string{topic}, HeartbeatInterval: time.Second, RebalanceTimeout: 2 * time.Second,
		HandleGrace: time.Second}
	b.consume(t, b.client, cfg, newCopies())
	has := func(n int) func() bool {
		return func() bool { return len(b.state(b.client).Partitions) == n }
	}
	kafkatest.Eventually(t, "the first has all", has(6))
	joins := b.Requests(kafkatest.JoinGroup)
	second := b.Client(t)
	stop := b.consume(t, second, cfg, newCopies())
	// It sends two requests: for an id, and to join.
	kafkatest.Eventually(t, "the second waits", func() bool { return b.Requests(kafkatest.JoinGroup) >= joins+2 })
	second.Close()
	stop()
	kafkatest.Eventually(t, "the second has a share", has(3))
	kafkatest.Eventually(t, "the first has all again", has(6))
}
