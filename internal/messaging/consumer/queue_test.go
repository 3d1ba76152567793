package consumer_test

import (
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// asQueue makes the topic a queue topic. The function that reads versions stays: the consumer must not ask it.
func asQueue(c *consumer.Config[*tx]) { c.Queues = map[string]bool{topic: true} }

// Every message of a queue topic has to be decided about. So neither a later message, nor one in the same batch, nor a
// purge closes the dead letter of an earlier one.
func TestAQueueSupersedesNoDeadLetter(t *testing.T) {
	t.Parallel()
	b := setup(t, asQueue)
	b.seed(0)
	b.handle(0, failing("a", 1, "poison"), named("a", 2))
	b.handle(2, named("a", 3), purge("a"))
	b.wantLetters("0:poison/open")
	b = on(t, b.pool, asQueue) // a new instance: Position finds the open ones
	b.seed(0)
	b.handle(4, named("a", 4))
	b.wantLetters("0:poison/open")
	b.wantChanges("a2 a3 a4")
}

// In another topic, such a dead letter would be closed at once, because its copy is newer.
func TestALateMessageOfAQueueBecomesAnOpenDeadLetter(t *testing.T) {
	t.Parallel()
	b := setup(t, asQueue)
	b.seed(0)
	b.handle(0, named("a", 5), failing("a", 4, "poison"))
	b.wantLetters("1:poison/open")
}

// The replay of a message closes only its own dead letter, and its note does not speak of versions.
func TestReplayInAQueue(t *testing.T) {
	t.Parallel()
	isBroken := broken()
	b := setup(t, repair(isBroken), asQueue)
	ids := b.deadLetters("a", "a")
	b.handle(2, message("a", 9, thing{}))
	isBroken.Store(false)
	letter, err := b.Replay(t.Context(), ids[1], "Ada", "")
	if err != nil || letter.State != consumer.Replayed || letter.Note != nil {
		t.Errorf("the letter is %+v, %v", letter, err)
	}
	b.wantLetters("0:poison/open 1:poison/replayed")
}

// A purge has no effect in a queue topic: the handler does not get it, and it becomes no dead letter, whatever its key is.
func TestAQueueIgnoresPurges(t *testing.T) {
	t.Parallel()
	b := setup(t, asQueue)
	b.seed(0)
	b.handle(0, named("a", 1))
	calls, committed := b.calls.Load(), b.committed.Load()
	b.handle(1, purge("a"), purge("\xff"), broker.Record{})
	if b.calls.Load() != calls || b.committed.Load() != committed {
		t.Error("the handler got a purge")
	}
	b.handle(4, purge("a"), named("b", 1), purge("b"))
	if n := query[int](b, `SELECT count(*) FROM thing_copy WHERE name IS NOT NULL AND NOT deleted`); n != 2 {
		t.Errorf("%d copies have data, want 2", n)
	}
	b.wantChanges("a1 b1")
	b.wantLetters("")
	b.wantPosition(7)
}
