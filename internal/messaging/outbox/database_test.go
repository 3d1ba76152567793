package outbox

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
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
	relay.waitForShards(allShards)
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

// TestCommitsOfTheRelayOutliveACrash: markSettings describes the schedule. A test can hardly hit it, so this one only checks the
// setting, for marks, leases and comparisons, on a database that does not wait for its commits.
func TestCommitsOfTheRelayOutliveACrash(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pool := notWaiting(t, b.pool, "off")
	c := newCoordinator(NewRelay(pool, nil, b.config("a"), slog.New(slog.DiscardHandler)), t.Context(), uuid.New())
	conns := map[string]*dbConn{"marks": c.marks.db, "leases": c.keeper.db, "claims": c.claims.db}
	for topic, checker := range c.checkers {
		conns["comparisons of "+topic] = checker.db
	}
	for name, db := range conns {
		defer db.close(t.Context())
		if _, err := db.queries(t.Context()); err != nil {
			t.Fatal(err)
		}
		var setting string
		if err := db.conn.QueryRow(t.Context(), "SHOW synchronous_commit").Scan(&setting); err != nil || setting != "on" {
			t.Errorf("%s are committed with synchronous_commit = %s (%v)", name, setting, err)
		}
	}
}

// notWaiting returns a pool on the same database whose sessions have this value of synchronous_commit.
func notWaiting(t *testing.T, pool *pgxpool.Pool, value string) *pgxpool.Pool {
	t.Helper()
	config := pool.Config()
	config.ConnConfig.RuntimeParams["synchronous_commit"] = value
	other, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	return other
}

// TestAnAppendIsDurable: the transaction of an append waits for its commit on any session. Otherwise PostgreSQL could crash
// when the event is in Kafka, and come back without the change.
func TestAnAppendIsDurable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for value, want := range map[string]string{"off": "on", "local": "on", "remote_write": "on", "on": "on", "remote_apply": "remote_apply"} {
		for _, many := range []bool{false, true} {
			err := pgx.BeginFunc(t.Context(), notWaiting(t, b.pool, value), func(tx pgx.Tx) error {
				events := versions(b.products, fmt.Sprint(value, many), 1, 1)
				if many {
					events = versions(b.products, fmt.Sprint(value, many), 1, 3)
				}
				if err := Append(t.Context(), tx, events...); err != nil {
					return err
				}
				var got string
				err := tx.QueryRow(t.Context(), `SHOW synchronous_commit`).Scan(&got)
				if got != want {
					t.Errorf("%d events on a session with synchronous_commit = %s commit with %s, want %s", len(events), value, got, want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
