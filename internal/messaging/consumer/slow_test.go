package consumer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// brief lets handlers time out soon.
func brief(c *consumer.Config[*tx]) { c.Timeout = 100 * time.Millisecond }

// deliver offers the records to the consumer as the broker's client does: again and again, from the stored position on. It ends
// when all are applied, or after some rounds.
func (b *bundle) deliver(rounds int, records ...broker.Record) {
	b.t.Helper()
	for range rounds {
		if b.deliverOnce(records) {
			return
		}
	}
}

// deliverAll delivers until all are applied. On a busy machine, an event that is not slow may need many rounds, too.
func (b *bundle) deliverAll(records ...broker.Record) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline) && !b.deliverOnce(records); {
		continue
	}
}

// deliverOnce reports whether there was nothing left to deliver.
func (b *bundle) deliverOnce(records []broker.Record) (all bool) {
	b.t.Helper()
	end, position := int64(len(records)), b.positionOf(tp)
	if position == end {
		return true
	}
	err := b.Handle(b.t.Context(), tp, position, broker.At(end), log(position, records[position:]...))
	if err != nil && !errors.Is(err, context.DeadlineExceeded) && pgtx.SQLState(err) != "55P03" {
		b.t.Fatal(err)
	}
	return false
}

// An event takes too long. Events behind it can be applied, so it becomes a dead letter. They are applied, also the next version
// of the same aggregate.
func TestASlowEventBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	b := setup(t, brief)
	b.seed(0)
	b.deliverAll(named("a", 1), failing("b", 1, "slow"), named("c", 1), named("b", 2))
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

// lockVersions makes the consumer lock a copy when it asks for its version, as services do.
func lockVersions(c *consumer.Config[*tx]) {
	c.Versions = map[string]consumer.VersionOf[*tx]{topic: func(ctx context.Context, t *tx, key string) (int64, error) {
		if _, err := t.Exec(ctx, `SELECT FROM thing_copy WHERE id = $1 FOR UPDATE`, key); err != nil {
			return 0, err
		}
		return thingVersion(ctx, t, key)
	}}
}

// Only events of other keys tell whether the database is slow: the next event of the key may need the same locked row. A locked
// row makes an event slow. Its dead letter can be replayed later.
func TestALockedRowMakesAnEventSlow(t *testing.T) {
	t.Parallel()
	b := setup(t, brief, lockVersions)
	b.seed(0)
	b.deliverAll(named("b", 1))
	release := b.lock(`SELECT FROM thing_copy WHERE id = 'b' FOR UPDATE`)
	defer release()
	b.deliver(6, named("b", 1), named("b", 2), named("b", 3))
	b.wantPosition(1)
	b.wantLetters("")
	b.deliverAll(named("b", 1), named("b", 2), named("c", 1))
	b.wantPosition(3)
	b.wantLetters("1:timeout/open")
	release()
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

// A service's connections give up a locked row earlier than Config.Timeout. That counts as slow too, but not sooner.
func TestALockThatIsGivenUpEarlyMakesAnEventSlow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	b := setup(t, func(c *consumer.Config[*tx]) { c.Now = func() time.Time { return now } }, wrap(func(ctx context.Context, _ int64, t *tx) error {
		_, err := t.Exec(ctx, `SET LOCAL lock_timeout = '20ms'`)
		return err
	}), lockVersions)
	b.seed(0)
	b.deliverAll(named("b", 1))
	defer b.lock(`SELECT FROM thing_copy WHERE id = 'b' FOR UPDATE`)()
	b.deliver(8, named("b", 1), named("b", 2), named("c", 1))
	b.wantPosition(1)
	b.wantLetters("")
	now = now.Add(3 * time.Minute)
	b.deliverAll(named("b", 1), named("b", 2), named("c", 1))
	b.wantPosition(3)
	b.wantChanges("b1 c1")
	b.wantLetters("1:timeout/open")
}

// A dead letter ends the tries of its event. An operator who sets the position back gets as many tries again.
func TestASlowEventThatIsReadAgainIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, brief)
	b.seed(0)
	b.deliverAll(failing("b", 1, "slow"), named("c", 1))
	b.wantLetters("0:timeout/open")
	if _, err := b.pool.Exec(t.Context(), `UPDATE consumer_position SET next_offset = 0`); err != nil {
		t.Fatal(err)
	}
	b.deliver(1, failing("b", 1, "slow"), named("c", 1))
	b.wantPosition(0)
}

// An event with nothing behind it is tried until another partition of its topic shows that the database is not slow. Another
// topic does not show that: the whole table of this topic may be locked.
func TestASlowEventAloneWaitsForOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		other    broker.TopicPartition
		position int64
		letters  string
	}{
		"another partition": {broker.TopicPartition{Topic: topic, Partition: 4}, 1, "0:timeout/open"},
		"another topic":     {broker.TopicPartition{Topic: "test.other.v1", Partition: 3}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b *bundle
			othersWork := false
			b = setup(t, brief, wrap(func(ctx context.Context, _ int64, t *tx) error {
				if !othersWork {
					return nil
				}
				othersWork = false                // not for the call below
				position := b.positionOf(c.other) //nolint:contextcheck // it is not a part of the call
				err := b.Handle(context.WithoutCancel(ctx), c.other, position, broker.At(position+1), log(position, named("o", position+1)))
				if othersWork = true; err != nil { // on a busy machine, the others may not be in time either
					return fail(ctx, nil, "slow")
				}
				return nil
			}), func(c *consumer.Config[*tx]) { c.Topics["test.other.v1"] = c.Topics[topic] })
			b.seed(0)
			if _, err := b.pool.Exec(t.Context(), `INSERT INTO consumer_position (topic, part, next_offset) VALUES ($1, $2, 0)`,
				c.other.Topic, c.other.Partition); err != nil {
				t.Fatal(err)
			}
			b.deliver(6, failing("b", 1, "slow"))
			b.wantPosition(0)
			b.wantLetters("")
			othersWork = true
			if c.letters == "" {
				b.deliver(40, failing("b", 1, "slow"))
			} else {
				b.deliverAll(failing("b", 1, "slow"))
			}
			b.wantPosition(c.position)
			b.wantLetters(c.letters)
			if b.positionOf(c.other) == 0 {
				t.Error("nothing of the others was applied")
			}
		})
	}
}

// A partition stays held while its slow event is read again and again.
func TestASlowEventAloneIsShownAsHeld(t *testing.T) {
	t.Parallel()
	b := setup(t, brief)
	b.seed(0)
	for attempt := range 3 {
		b.deliver(1, failing("b", 1, "slow"))
		kafkatest.Eventually(t, "the position is read", func() bool {
			at, err := b.Position(t.Context(), tp, broker.LogStart{})
			return err == nil && at.Offset == 0
		})
		if p := b.State().Partitions[0]; p.Held == "" || p.HeldSince == nil || p.Attempts != attempt+1 {
			t.Errorf("after %d tries the state says %+v", attempt+1, p)
		}
	}
}

// lock takes a lock in a transaction of its own. The returned function releases it.
func (b *bundle) lock(statement string) (release func()) {
	b.t.Helper()
	tx, err := b.pool.Begin(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := tx.Exec(b.t.Context(), statement); err != nil {
		b.t.Fatal(err)
	}
	return func() { _ = tx.Rollback(context.WithoutCancel(b.t.Context())) }
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
