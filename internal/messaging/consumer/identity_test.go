package consumer_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// versions returns the events of one thing, up to the last version.
func versions(key string, last int64) []broker.Record {
	var records []broker.Record
	for v := int64(1); v <= last; v++ {
		records = append(records, named(key, v))
	}
	return records
}

// isHalted reports whether a partition is halted, with this text in the reason.
func (b *bundle) isHalted(because string) bool {
	b.t.Helper()
	return slices.ContainsFunc(b.State().Problems(), func(p string) bool {
		return strings.Contains(p, "is halted") && strings.Contains(p, because)
	})
}

// H30 recreated topic: a topic is deleted and created again, and the new log grows past the old position. The consumer would
// read on there, and miss the first events of the new log.
func TestARecreatedTopicIsNotReadOn(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 1)
	part := broker.TopicPartition{Topic: name}
	kafka.Write(t, part, versions("a", 5)...)
	b := setup(t, read(kafka, name))
	b.start(kafka)
	kafkatest.Eventually(t, "the old log is applied", func() bool { return b.caughtUp(kafka, name, 1) })

	kafka.Reset(t, name)
	kafka.CreateTopic(t, "thing", 1)
	kafka.Write(t, part, versions("b", 12)...)
	kafkatest.Eventually(t, "the partition is halted", func() bool { return b.isHalted("created again") })
	b.wantPositionOf(part, 5)
	if got := query[int](b, `SELECT count(*) FROM thing_change WHERE id = 'b'`); got != 0 {
		t.Errorf("%d events of the new topic were applied", got)
	}
	restarted := on(t, b.pool, read(kafka, name), func(c *consumer.Config[*tx]) { c.Group += "-restarted" })
	restarted.start(kafka)
	kafkatest.Eventually(t, "it is halted after a restart too", func() bool { return restarted.isHalted("created again") })

	plan, err := consumer.PlanAdoption(t.Context(), kafka.Direct(), []string{name}, consumer.AtStart())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.reset(plan); err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, "the new log is applied", func() bool { return b.caughtUp(kafka, name, 1) })
	if got := query[int](b, `SELECT count(*) FROM thing_change WHERE id = 'b'`); got != 12 {
		t.Errorf("%d events of the new topic were applied, want all 12", got)
	}
	kafkatest.Eventually(t, "no problem is left", func() bool { return len(b.State().Problems()) == 0 })
}

// wantPositionOf checks a stored position.
func (b *bundle) wantPositionOf(tp broker.TopicPartition, want int64) {
	b.t.Helper()
	if got := b.positionOf(tp); got != want {
		b.t.Errorf("the position of %s is %d, want %d", tp, got, want)
	}
}

// H32 cloned database: an instance on a copy of the database joins the group. Each database would get the events of half of
// the partitions, and no lag would show it.
func TestAStrangerGetsNoPartition(t *testing.T) {
	t.Parallel()
	const partitions = 4
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", partitions)
	original := setup(t, read(kafka, name))
	original.start(kafka)
	kafkatest.Eventually(t, "it has all partitions", func() bool { return len(original.State().Partitions) == partitions })

	clone := setup(t, read(kafka, name))
	clone.copyMembers(original)
	clone.start(kafka)
	kafkatest.Eventually(t, "both say that the clone is a stranger", func() bool {
		return len(original.State().Problems()) > 0 && len(clone.State().Problems()) > 0
	})
	t.Logf("original %q\nclone %q", original.State().Problems(), clone.State().Problems())
	for p := range partitions {
		kafka.Write(t, broker.TopicPartition{Topic: name, Partition: p}, named(fmt.Sprintf("p%d-", p), 1))
	}
	kafkatest.Eventually(t, "the original applies all", func() bool { return original.caughtUp(kafka, name, partitions) })
	clone.wantChanges("")
	if got := len(clone.State().Partitions); got != 0 {
		t.Errorf("the clone has %d partitions", got)
	}
}

// The instance on the clone is the leader, and its database has the rows of the original's members too.
func TestTheLeaderOfACloneRefusesTheOriginal(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 2)
	original, clone := setup(t, read(kafka, name)), setup(t, read(kafka, name))
	stop := original.start(kafka)
	kafkatest.Eventually(t, "it has all partitions", func() bool { return len(original.State().Partitions) == 2 })
	clone.copyMembers(original)
	stop()
	clone.start(kafka)
	kafkatest.Eventually(t, "the clone leads the group", func() bool { return len(clone.State().Partitions) == 2 })
	again := on(t, original.pool, read(kafka, name))
	again.start(kafka)
	kafkatest.Eventually(t, "both say it", func() bool {
		return len(again.State().Problems()) > 0 && len(clone.State().Problems()) > 0
	})
	if got := len(again.State().Partitions); got != 0 {
		t.Errorf("the other database got %d partitions", got)
	}
}

// copyMembers copies the rows of the members, as a copy of the whole database would.
func (b *bundle) copyMembers(from *bundle) {
	b.t.Helper()
	rows := query[string](from, `SELECT string_agg(id::text, ' ') FROM consumer_member`)
	for _, id := range strings.Fields(rows) {
		if _, err := b.pool.Exec(b.t.Context(), `INSERT INTO consumer_member VALUES ($1, 'copied', now())`, id); err != nil {
			b.t.Fatal(err)
		}
	}
}

// A member of the earlier release sends no id. It gets its share, so that a rolling upgrade works.
func TestAMemberOfTheEarlierReleaseGetsItsShare(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 2)
	b := setup(t, read(kafka, name))
	b.start(kafka)
	kafkatest.Eventually(t, "it has all partitions", func() bool { return len(b.State().Partitions) == 2 })
	old, ctx := kafka.Client(t), t.Context()
	group := b.config.Tuning
	group.GroupID, group.Topics = b.config.Group, []string{name}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- old.Consume(ctx, group, b) }()
	kafkatest.Eventually(t, "each has one", func() bool {
		s, _ := old.GroupState(group.GroupID)
		return len(s.Partitions) == 1 && len(b.State().Partitions) == 1
	})
	if problems := b.State().Problems(); len(problems) != 0 {
		t.Errorf("problems %q", problems)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// After a regular stop no row is left, and the next instance is known at once.
func TestARestartedInstanceIsNoStranger(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 2)
	a := setup(t, read(kafka, name))
	stop := a.start(kafka)
	b := on(t, a.pool, read(kafka, name))
	b.start(kafka)
	each := func(one, two *bundle) func() bool {
		return func() bool {
			return len(one.State().Partitions) == 1 && len(two.State().Partitions) == 1 &&
				len(one.State().Problems())+len(two.State().Problems()) == 0
		}
	}
	kafkatest.Eventually(t, "each has one", each(a, b))
	stop()
	if n := query[int](a, `SELECT count(*) FROM consumer_member`); n != 1 {
		t.Errorf("%d members are registered after a stop, want 1", n)
	}
	again := on(t, a.pool, read(kafka, name))
	started := time.Now()
	again.start(kafka)
	kafkatest.Eventually(t, "each has one again", each(again, b))
	t.Logf("took %v", time.Since(started))
}

// H31 truncated log: an unclean election has cost the log its end. The stored epoch is newer than any of the log. The log
// then grows past the position, and this must not end the halt: other records have the offsets of the lost ones.
func TestATruncatedLogIsNotReadOn(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 1)
	part := broker.TopicPartition{Topic: name}
	kafka.Write(t, part, versions("a", 3)...)
	b := setup(t, read(kafka, name))
	stop := b.start(kafka)
	kafkatest.Eventually(t, "the log is applied", func() bool { return b.caughtUp(kafka, name, 1) })
	stop()
	if _, err := b.pool.Exec(t.Context(), `UPDATE consumer_position SET leader_epoch = 99`); err != nil {
		t.Fatal(err)
	}
	b = on(t, b.pool, read(kafka, name))
	b.start(kafka)
	kafkatest.Eventually(t, "the partition is halted", func() bool { return b.isHalted("log_truncated") })
	if next := `"consumer reset --topic ` + name + ` --partition 0 --to start"`; !b.isHalted(next) {
		t.Errorf("problems %q do not name the command %s", b.State().Problems(), next)
	}
	kafka.Write(t, part, versions("b", 2)...)
	b.wantPositionOf(part, 3)

	plan, err := consumer.PlanReset(t.Context(), kafka.Direct(), name, 0, consumer.AtStart())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.reset(plan); err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, "the log is read again", func() bool { return b.caughtUp(kafka, name, 1) && len(b.State().Problems()) == 0 })
	b.wantChanges("a1 a2 a3 b1 b2")
}

// A position that has no leader epoch gets the present one before the first record is read. If the log is truncated then,
// and grows again, only the epoch shows it.
func TestAPositionGetsTheEpochOfTheLog(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 1)
	part := broker.TopicPartition{Topic: name}
	kafka.Write(t, part, versions("a", 3)...)
	b := setup(t, read(kafka, name))
	plan, err := consumer.PlanReset(t.Context(), kafka.Direct(), name, 0, consumer.AtEnd())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.reset(plan); err != nil {
		t.Fatal(err)
	}
	b.start(kafka)
	kafkatest.Eventually(t, "the epoch is stored", func() bool {
		return query[bool](b, `SELECT leader_epoch >= 0 AND epoch_offset = 3 FROM consumer_position`)
	})
	b.wantPositionOf(part, 3)
	b.wantChanges("")
}
