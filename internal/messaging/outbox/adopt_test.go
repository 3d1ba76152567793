package outbox

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// TestAdoptDoesNotHideLostCommits: the owner's database lost commits that were published. Adopting what Kafka has must not end
// the halt, because the database would give out the lost versions again. Only an operator who says so ends it.
func TestAdoptDoesNotHideLostCommits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(message(b.products, "a", 1))
	b.publishOnce(t, "first")
	saved := b.backup(outboxTables...)
	b.append(message(b.products, "a", 2))
	b.publishOnce(t, "second")
	b.restore(b.pool, saved)
	b.append(message(b.products, "a", 2))
	relay := b.start("restored")
	relay.waitForHalt(HistoriesParted, 1)

	if adopted := b.adopt(false); len(adopted) != 0 {
		t.Errorf("adopted %+v, although no log is another one", adopted)
	}
	b.waitUntilParted() // again: adopt has deleted the halt
	b.wantLog(b.products, "a", 1, 2)

	if adopted := b.adopt(true); len(adopted) != 2*event.Partitions {
		t.Errorf("%d logs are adopted, want all", len(adopted))
	}
	b.waitUntilSent()
	relay.waitUntilNotHalted()
	b.wantLog(b.products, "a", 1, 2, 2)
}

func (b *bundle) waitUntilParted() {
	b.t.Helper()
	kafkatest.Eventually(b.t, "the relay has compared the log again", func() bool {
		return b.number(`SELECT count(*) FROM outbox_halt WHERE code = $1`, string(HistoriesParted)) == 1
	})
}

// TestAdoptAfterAFenceComparesWhatTheOtherPublished: a service on a copy of the database has fenced this one. What it has
// published is not adopted with the new producer ids.
func TestAdoptAfterAFenceComparesWhatTheOtherPublished(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("original")
	b.append(message(b.products, "a", 1))
	b.waitUntilSent()
	relay.waitForShards(allShards)
	copied := b.clone()
	copied.append(message(b.products, "a", 2))
	copied.publishOnce(t, "copy")
	b.append(message(b.products, "a", 2))
	relay.Wake()
	relay.waitForHalt(FencedByAnother, 1)
	b.adopt(false)
	b.waitUntilParted()
	b.wantLog(b.products, "a", 1, 2)
}

// TestAdoptCanBeTried: a transaction that is rolled back changes nothing, and shows what would be adopted.
func TestAdoptCanBeTried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(versions(b.products, "a", 1, 3)...)
	b.publishOnce(t, "a")
	before := b.number(`SELECT sum(epoch) FROM outbox_lease`)
	present, err := LookAtLogs(t.Context(), b.kafka.Direct(), b.topics())
	if err != nil {
		t.Fatal(err)
	}
	tried := errors.New("only tried")
	err = pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error {
		adopted, err := Adopt(t.Context(), tx, present, true)
		sum := int64(0)
		for _, log := range adopted {
			sum += log.From
		}
		if sum != 3 {
			t.Errorf("adopts the ends %+v, want 3 in all", adopted)
		}
		return errors.Join(err, tried)
	})
	if !errors.Is(err, tried) || b.number(`SELECT sum(epoch) FROM outbox_lease`) != before {
		t.Errorf("the epochs have changed, %v", err)
	}
}
