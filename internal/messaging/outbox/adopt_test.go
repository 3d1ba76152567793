package outbox

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// TestAdoptFromTheStart: the relay compares whole logs again, and continues because the database knows all their events.
func TestAdoptFromTheStart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	b.append(versions(b.products, "a", 1, 3)...)
	b.waitUntilSent()
	for _, log := range b.adopt(func(c *broker.Client) Place { return c.StartOffset }) {
		if log.From != 0 || log.TopicID.IsZero() {
			t.Errorf("adopted %+v", log)
		}
	}
	const ends = `SELECT sum(acked_end) FROM outbox_log WHERE topic = $1`
	kafkatest.Eventually(t, "the whole log is compared", func() bool { return b.number(ends, b.products) == 3 })
	b.append(message(b.products, "a", 4))
	b.waitUntilSent()
	relay.waitUntilNotHalted()
	b.wantLog(b.products, "a", 1, 2, 3, 4)
}

// TestAdoptCanBeTried: a transaction that is rolled back changes nothing, and shows what would be adopted.
func TestAdoptCanBeTried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(versions(b.products, "a", 1, 3)...)
	b.publishOnce(t, "a")
	before := b.number(`SELECT sum(epoch) FROM outbox_lease`)
	kafka, tried := b.kafka.Direct(), errors.New("only tried")
	err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error {
		adopted, err := Adopt(t.Context(), tx, kafka, b.topics(), kafka.EndOffset)
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
