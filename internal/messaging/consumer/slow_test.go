package consumer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// brief lets handlers time out soon.
func brief(c *consumer.Config[*tx]) { c.Timeout = 100 * time.Millisecond }

// deliver offers the records to the consumer as the broker's client does: again and again, from the stored position on. It ends
// when all are applied, or after some rounds.
func (b *bundle) deliver(rounds int, records ...broker.Record) {
	b.t.Helper()
	end := int64(len(records))
	for range rounds {
		position := query[int64](b, `SELECT next_offset FROM consumer_position WHERE topic = $1 AND part = $2`, tp.Topic, tp.Partition)
		if position == end {
			return
		}
		err := b.Handle(b.t.Context(), tp, position, broker.At(end), log(position, records[position:]...))
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			b.t.Fatal(err)
		}
	}
}

// An event takes too long. Events behind it can be applied, so it becomes a dead letter. They are applied, also the next version
// of the same aggregate.
func TestASlowEventBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	b := setup(t, brief)
	b.seed(0)
	b.deliver(10, named("a", 1), failing("b", 1, "slow"), named("c", 1), named("b", 2))
	b.wantPosition(4)
	b.wantChanges("a1 c1 b2")
	b.wantLetters("1:timeout/superseded")
}

// While nothing can be applied in time, the database is slow, and not the events.
func TestASlowDatabaseMakesNoDeadLetters(t *testing.T) {
	t.Parallel()
	b := setup(t, brief, wrap(func(ctx context.Context, _ int64, _ *tx) error { return fail(ctx, nil, "slow") }))
	b.seed(0)
	b.deliver(6, named("a", 1), named("b", 1), named("c", 1), named("d", 1), named("e", 1), named("f", 1))
	b.wantPosition(0)
	b.wantLetters("")
}

// Only events of other keys tell whether the database is slow: the next event of the key may need the same locked row. A locked
// row makes an event slow. Its dead letter can be replayed later.
func TestALockedRowMakesAnEventSlow(t *testing.T) {
	t.Parallel()
	b := setup(t, brief)
	b.seed(0)
	b.deliver(1, named("b", 1))
	lock, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := lock.Exec(t.Context(), `SELECT FROM thing_copy WHERE id = 'b' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	b.deliver(6, named("b", 1), named("b", 2), named("b", 3))
	b.wantPosition(1)
	b.wantLetters("")
	b.deliver(6, named("b", 1), named("b", 2), named("c", 1))
	b.wantPosition(3)
	b.wantLetters("1:timeout/open")
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	letters, err := consumer.ListDeadLetters(t.Context(), b.pool, consumer.DeadLetterFilter{})
	if err != nil || len(letters) != 1 {
		t.Fatalf("%v, %v", letters, err)
	}
	if _, err := b.Replay(t.Context(), letters[0].ID, "somebody", "the row is free"); err != nil {
		t.Fatal(err)
	}
	b.wantChanges("b1 c1 b2")
	b.wantLetters("1:timeout/replayed")
}

// An event with nothing behind it is tried until another partition shows that the database is not slow.
func TestASlowEventAloneWaitsForOthers(t *testing.T) {
	t.Parallel()
	other := broker.TopicPartition{Topic: topic, Partition: 4}
	var b *bundle
	othersWork, position := false, int64(0)
	b = setup(t, brief, wrap(func(ctx context.Context, _ int64, t *tx) error {
		if !othersWork {
			return nil
		}
		othersWork = false // not for the call below
		err := b.Handle(context.WithoutCancel(ctx), other, position, broker.At(position+1), log(position, named("o", position+1)))
		othersWork, position = true, position+1
		return err
	}))
	b.seed(0)
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO consumer_position (topic, part, next_offset) VALUES ($1, 4, 0)`, topic); err != nil {
		t.Fatal(err)
	}
	b.deliver(6, failing("b", 1, "slow"))
	b.wantPosition(0)
	b.wantLetters("")
	othersWork = true
	b.deliver(3, failing("b", 1, "slow"))
	b.wantPosition(1)
	b.wantLetters("0:timeout/open")
}

// When the slow event is alone, the client reads again, so that the next batch has the events that came behind it.
func TestASlowEventAloneIsReadAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, brief)
	b.seed(0)
	err := b.Handle(t.Context(), tp, 0, broker.At(1), log(0, failing("b", 1, "slow")))
	if !errors.Is(err, broker.ErrReseek) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want that the position is read again", err)
	}
}
