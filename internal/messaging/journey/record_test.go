package journey_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/journey"
)

// records checks what both services have stored about an event that was published and applied.
func records(t *testing.T, shop, bank *pgxpool.Pool, ref journey.Ref) {
	t.Helper()
	published, known, err := journey.Read(t.Context(), shop, ref)
	if err != nil || !known {
		t.Fatal(known, err)
	}
	if a := published.Appended; a == nil || published.Passes != nil || !strings.Contains(string(a.Payload), `"/shop"`) || a.Seq < 1 || a.Refused != nil || a.Behind != 0 ||
		a.Partition != published.Produced.Sent.Partition {
		t.Errorf("published: %+v %+v", published, a)
	}
	received, known, err := journey.Read(t.Context(), bank, ref)
	if err != nil || !known || received.Appended != nil || len(received.Passes) != 1 || received.Passes[0] != *received.Consumed || received.ID != published.ID {
		t.Errorf("received: %+v, %v, %v", received, known, err)
	}
}

// What holds up an event is known: Kafka refuses it, or an earlier event of its key.
func TestWhatHoldsUpAnEvent(t *testing.T) {
	t.Parallel()
	pool := database(t)
	const topic = "shop.order.v1"
	appendEvent(t, pool, topic, "a", 1)
	appendEvent(t, pool, topic, "a", 2)
	appendEvent(t, pool, topic, "b", 1)
	if _, err := pool.Exec(t.Context(), `INSERT INTO outbox_blocked (topic, key, attempts, retry_at, last_error) VALUES ($1, 'a', 3, now(), 'too large')`, topic); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[journey.Ref]journey.Appended{
		{Topic: topic, Key: "a", Version: 1}: {Refused: &journey.Refused{Attempts: 3, Error: "too large"}},
		{Topic: topic, Key: "a", Version: 2}: {Behind: 1},
		{Topic: topic, Key: "b"}:             {},
	} {
		r, known, err := journey.Read(t.Context(), pool, ref)
		if err != nil || !known || r.Appended == nil || r.Appended.Behind != want.Behind || (r.Appended.Refused != nil) != (want.Refused != nil) {
			t.Fatalf("%s: %+v %+v, %v", ref, r, r.Appended, err)
		}
		if got := r.Appended.Refused; got != nil && (got.Attempts != want.Refused.Attempts || got.Error != want.Refused.Error || got.RetryAt.IsZero()) {
			t.Errorf("%s: %+v", ref, got)
		}
	}
	for _, ref := range []journey.Ref{{Topic: topic, Key: "c", Version: 1}, {Topic: topic, Key: "a", Version: 3}, {Topic: "other", Key: "a"}} {
		if r, known, err := journey.Read(t.Context(), pool, ref); known || err != nil {
			t.Errorf("%s: %+v, %v", ref, r, err)
		}
	}
}
