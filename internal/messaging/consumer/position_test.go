package consumer_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// The ids of two topics that had the same name, one after the other.
var (
	firstTopic  = broker.TopicID{1}
	secondTopic = broker.TopicID{2}
)

// at reads the position in a log that belongs to the topic.
func (b *bundle) at(id broker.TopicID) broker.Position {
	b.t.Helper()
	p, err := b.Position(b.t.Context(), tp, broker.LogStart{TopicID: id})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// upTo returns the end of a batch of the topic, in leader epoch 7.
func upTo(offset int64, id broker.TopicID) broker.Position {
	return broker.Position{Offset: offset, LeaderEpoch: 7, TopicID: id}
}

func TestAPositionSaysWhichLogItBelongsTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if got, want := b.at(firstTopic), (broker.Position{LeaderEpoch: -1, TopicID: firstTopic}); got != want {
		t.Errorf("a new position is %+v, want %+v", got, want)
	}
	if err := b.Handle(t.Context(), tp, 0, upTo(2, firstTopic), log(0, named("a", 1), named("a", 2))); err != nil {
		t.Fatal(err)
	}
	// The present topic is another one. The position must not adopt it: the broker's client halts the partition.
	if got, want := b.at(secondTopic), (broker.Position{Offset: 2, LeaderEpoch: 7, TopicID: firstTopic}); got != want {
		t.Errorf("the position is %+v, want %+v", got, want)
	}
}

// Whoever moves a position without its epoch leaves an epoch behind that belongs to an earlier record. Compared with the
// log, it would look as if the log had been truncated.
func TestAnEpochCountsOnlyForItsOffset(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.at(firstTopic)
	if err := b.Handle(t.Context(), tp, 0, upTo(1, firstTopic), log(0, named("a", 1))); err != nil {
		t.Fatal(err)
	}
	// As an earlier release does it, or an operator.
	if _, err := b.pool.Exec(t.Context(), `UPDATE consumer_position SET next_offset = 5`); err != nil {
		t.Fatal(err)
	}
	if got, want := b.at(firstTopic), (broker.Position{Offset: 5, LeaderEpoch: -1, TopicID: firstTopic}); got != want {
		t.Errorf("the position is %+v, want %+v", got, want)
	}
}

// Events that are applied one by one have the epochs of their own batches.
func TestTheEpochIsThatOfTheLastEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.at(firstTopic)
	records := log(0, named("a", 1), failing("b", 1, "poison"), failing("c", 1, "unknown"))
	records[0].LeaderEpoch, records[1].LeaderEpoch, records[2].LeaderEpoch = 4, 5, 7
	if err := b.Handle(t.Context(), tp, 0, upTo(3, firstTopic), records); err == nil {
		t.Fatal("the third event was applied")
	}
	if got, want := b.at(firstTopic), (broker.Position{Offset: 2, LeaderEpoch: 5, TopicID: firstTopic}); got != want {
		t.Errorf("the position is %+v, want %+v", got, want)
	}
}

// H30 recreated topic: an operator adopts the new topic at the same offset, while a batch of the old log is being applied.
func TestABatchOfAnEarlierTopicChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.at(firstTopic)
	b.handle(0, named("a", 1))
	adopt := []consumer.NewPosition{{TopicPartition: tp, Offset: 1, TopicID: secondTopic, Adopt: true}}
	if err := b.reset(adopt); err != nil {
		t.Fatal(err)
	}
	wantReseek(t, b.Handle(t.Context(), tp, 1, upTo(2, firstTopic), log(1, named("a", 2))))
	b.wantPosition(1)
	b.wantChanges("a1")
	b.at(secondTopic)
	b.handle(1, named("a", 3))
	b.wantChanges("a1 a3")
}

// A dead letter of a new topic has the place of one of the earlier topic. Both are kept.
func TestADeadLetterOfAnEarlierTopicIsKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.at(firstTopic)
	b.handle(0, failing("a", 1, "poison"))
	if err := b.reset([]consumer.NewPosition{{TopicPartition: tp, TopicID: secondTopic, Adopt: true}}); err != nil {
		t.Fatal(err)
	}
	b.at(secondTopic)
	b.handle(0, failing("b", 1, "poison"))
	if got := query[string](b, `SELECT string_agg(convert_from(key, 'UTF8'), ' ' ORDER BY id) FROM dead_letter WHERE state = 'open'`); got != "a b" {
		t.Errorf("open dead letters of %q, want a and b", got)
	}
	letters, err := consumer.ListDeadLetters(t.Context(), b.pool, consumer.DeadLetterFilter{})
	if err != nil || len(letters) != 2 || letters[0].TopicID != firstTopic.String() || letters[1].TopicID != secondTopic.String() {
		t.Errorf("letters %+v, error %v", letters, err)
	}
}

// reset sets positions as a command would.
func (b *bundle) reset(plan []consumer.NewPosition) error {
	b.t.Helper()
	return pgx.BeginFunc(b.t.Context(), b.pool, func(tx pgx.Tx) error {
		_, err := consumer.Reset(b.t.Context(), tx, plan)
		return err
	})
}

// logs is a topic with two partitions whose logs have the offsets 10 to 20.
type logs struct{ id broker.TopicID }

func (logs) Partitions(context.Context, string) (int, error) { return 2, nil }

func (l logs) TopicID(context.Context, string) (broker.TopicID, error) { return l.id, nil }

func (logs) StartOffset(context.Context, broker.TopicPartition) (int64, error) { return 10, nil }

func (logs) EndOffset(context.Context, broker.TopicPartition) (int64, error) { return 20, nil }
