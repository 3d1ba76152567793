package outbox

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// TestDatabaseAway: without the database, publishing stops. It continues by itself when the database is back.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	b.append(message(b.products, "a", 1))
	b.waitUntilSent()
	relay.toDatabase.cut()
	b.append(versions(b.products, "a", 2, 3)...)
	kafkatest.Eventually(t, "the trouble shows", func() bool { return relay.State().Troubles["leases"] == "the database cannot be reached" })
	relay.toDatabase.mend()
	b.waitUntilSent()
	b.wantHistory(b.products, "a", 3)
	kafkatest.Eventually(t, "the trouble is over", func() bool { return len(relay.State().Troubles) == 0 })
}

// TestDatabaseKilledInTheMiddle: PostgreSQL crashes, the relay does not. All committed events are published in order,
// and the recovery of the database undoes no mark that the relay relies on.
func TestDatabaseKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	kafka := kafkatest.New(t)
	pool, err := pgxpool.New(t.Context(), server.NewURL(messagingMigrations()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	b := &bundle{t: t, pool: pool, kafka: kafka, products: kafka.CreateTopic(t, "product", event.Partitions),
		markets: kafka.CreateTopic(t, "market", event.Partitions)}
	relay := b.start("survivor", func(c *Config, k Broker) Broker { c.MarkRest = -1; return k })
	relay.waitForShards(event.Partitions)
	const keys, kills, changes = 5, 4, 40
	var committed [keys]int64
	for range kills {
		for i := range changes {
			k := i % keys
			b.append(message(b.products, fmt.Sprint("key-", k), committed[k]+1))
			committed[k]++
			relay.Wake()
		}
		server.Kill()
		server.Start()
		pool.Reset() // closes the writer's broken connections, so that the writer does not fail
	}
	kafkatest.Eventually(t, "everything is sent", func() bool {
		var pending int
		err := pool.QueryRow(t.Context(), `SELECT count(*) FROM outbox_pending`).Scan(&pending)
		return err == nil && pending == 0
	})
	for k, highest := range committed {
		b.wantHistory(b.products, fmt.Sprint("key-", k), highest)
	}
}

// TestMarksOutliveACrash: markSettings describes the schedule. A test can hardly hit it, so this one only checks the
// setting.
func TestMarksOutliveACrash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := newCoordinator(NewRelay(b.pool, nil, b.config("a"), slog.New(slog.DiscardHandler)), t.Context(), uuid.New())
	defer c.marks.db.close(t.Context())
	if _, err := c.marks.db.queries(t.Context()); err != nil {
		t.Fatal(err)
	}
	var setting string
	if err := c.marks.db.conn.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&setting); err != nil || setting != "on" {
		t.Errorf("marks are committed with synchronous_commit = %s (%v)", setting, err)
	}
}
