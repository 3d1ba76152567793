package consumer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestPlanReset(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		partition   int
		place, want string
	}{
		"Start":           {consumer.AllPartitions, "start", "0@10 1@10"},
		"End":             {consumer.AllPartitions, "end", "0@20 1@20"},
		"OnePartition":    {1, "15", "1@15"},
		"AtTheEnd":        {0, "20", "0@20"},
		"BeforeTheLog":    {0, "9", "the log of " + topic + "-0 has the offsets 10 to 20"},
		"BeyondTheLog":    {0, "21", "the log of " + topic + "-0 has the offsets 10 to 20"},
		"NoSuchPartition": {2, "end", "the topic " + topic + " has the partitions 0 to 1"},
		"NoPlace":         {0, "middle", "the place is start, end or an offset"},
		"NegativeOffset":  {0, "-1", "the place is start, end or an offset"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place, err := consumer.ParsePlace(c.place)
			var plan []consumer.NewPosition
			if err == nil {
				plan, err = consumer.PlanReset(t.Context(), logs{firstTopic}, topic, c.partition, place)
			}
			got := make([]string, len(plan))
			for i, p := range plan {
				got[i] = fmt.Sprintf("%d@%d", p.Partition, p.Offset)
				if p.TopicID != firstTopic || p.Adopt {
					t.Errorf("plan %+v", p)
				}
			}
			if text := strings.Join(got, " "); err == nil && text != c.want {
				t.Errorf("plan %q, want %q", text, c.want)
			}
			if err != nil && err.Error() != c.want {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.at(firstTopic)
	if err := b.Handle(t.Context(), tp, 0, upTo(1, firstTopic), log(0, named("a", 1))); err != nil {
		t.Fatal(err)
	}
	read := broker.TopicPartition{Topic: topic, Partition: 0}
	plan := []consumer.NewPosition{
		{TopicPartition: tp, Offset: 0, TopicID: firstTopic}, {TopicPartition: read, Offset: 12, TopicID: firstTopic},
	}
	var changes []consumer.PositionChange
	err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) (err error) {
		changes, err = consumer.Reset(t.Context(), tx, plan)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != 2 || *changes[0].From != 1 || changes[0].To != 0 || changes[0].FromTopic != firstTopic.String() ||
		changes[1].From != nil || changes[1].To != 12 {
		t.Errorf("changes %+v", changes)
	}
	if got, want := b.at(firstTopic), (broker.Position{LeaderEpoch: -1, TopicID: firstTopic}); got != want {
		t.Errorf("the position is %+v, want %+v", got, want)
	}
	stored, err := consumer.Positions(t.Context(), b.pool)
	if err != nil || len(stored) != 2 || stored[0].TopicPartition != read || stored[0].Offset != 12 || stored[0].TopicID != firstTopic {
		t.Errorf("positions %+v, error %v", stored, err)
	}
	b.handle(0, named("a", 1), named("a", 2)) // what was applied before changes nothing
	b.wantChanges("a1 a2")
}

// A position that belongs to an earlier topic says nothing about the present one. So a reset does not move it silently to
// the present topic; only an adoption does.
func TestResetRefusesAnotherTopic(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.at(firstTopic)
	b.handle(0, named("a", 1))
	err := b.reset([]consumer.NewPosition{{TopicPartition: tp, Offset: 10, TopicID: secondTopic}})
	if e, ok := errors.AsType[*consumer.Error](err); !ok || e.Code != consumer.CodeOtherTopic {
		t.Errorf("error %v, want %s", err, consumer.CodeOtherTopic)
	}
	b.wantPosition(1)

	plan, err := consumer.PlanAdoption(t.Context(), logs{secondTopic}, []string{topic}, consumer.AtEnd())
	if err != nil {
		t.Fatal(err)
	}
	plan[1].Partition = tp.Partition
	if err := b.reset(plan); err != nil {
		t.Fatal(err)
	}
	if got, want := b.at(secondTopic), (broker.Position{Offset: 20, LeaderEpoch: -1, TopicID: secondTopic}); got != want {
		t.Errorf("the position is %+v, want %+v", got, want)
	}
}

// An adoption passes over no event of a topic that is the same, or of which the database does not know the id yet.
func TestAdoptionMovesOnlyOtherTopics(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]broker.TopicID{"the same": firstTopic, "not known": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.at(id)
			b.handle(0, named("a", 1))
			plan, err := consumer.PlanAdoption(t.Context(), logs{firstTopic}, []string{topic}, consumer.AtEnd())
			if err != nil {
				t.Fatal(err)
			}
			if err := b.reset(plan); err != nil { // plan has a partition that was never read, too
				t.Fatal(err)
			}
			b.wantPosition(1)
			if n := query[int](b, `SELECT count(*) FROM consumer_position`); n != 1 {
				t.Errorf("%d positions", n)
			}
		})
	}
}

// A consumer that has nothing to read notices a reset too.
func TestAnIdleConsumerNoticesAReset(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 1)
	part := broker.TopicPartition{Topic: name}
	kafka.Write(t, part, named("a", 1), named("a", 2))
	b := setup(t, read(kafka, name))
	b.start(kafka)
	kafkatest.Eventually(t, "all is applied", func() bool { return b.caughtUp(kafka, name, 1) })
	if _, err := b.pool.Exec(t.Context(), `DELETE FROM thing_copy`); err != nil {
		t.Fatal(err)
	}
	client := kafka.Client(t)
	defer client.Close()
	plan, err := consumer.PlanReset(t.Context(), client, name, consumer.AllPartitions, consumer.AtStart())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.reset(plan); err != nil {
		t.Fatal(err)
	}
	kafkatest.Eventually(t, "the log was read again", func() bool {
		return query[int](b, `SELECT coalesce(max(version), 0) FROM thing_copy`) == 2 && b.caughtUp(kafka, name, 1)
	})
}
