//go:build !realkafka

package outbox

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// onlyWoken leaves out all sweeps. So only a wake finds events that are committed later.
func onlyWoken(c *Config, k Broker) Broker {
	c.SweepMin, c.SweepMax = time.Hour, time.Hour
	return k
}

// threeRelays starts relays that find events only when they are woken, and waits until all logs are armed.
func (b *bundle) threeRelays() (relays []*runningRelay) {
	b.t.Helper()
	for _, name := range []string{"first", "second", "third"} {
		relays = append(relays, b.start(name, onlyWoken))
	}
	for _, r := range relays {
		r.waitForShards(allShards / 3)
	}
	b.untilArmed(allShards)
	return relays
}

// armedLogs counts the logs that sessions have armed.
const armedLogs = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
	AND classid = 1869968491 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// listening returns the server processes of the connections that listen.
const listening = `SELECT COALESCE(array_agg(pid ORDER BY pid), '{}') FROM pg_stat_activity
	WHERE datname = current_database() AND query LIKE 'LISTEN "outbox"'`

func (b *bundle) untilArmed(n int) {
	b.t.Helper()
	kafkatest.Eventually(b.t, fmt.Sprintf("%d logs are armed", n), func() bool { return query[int](b, armedLogs) == n })
}

func query[T any](b *bundle, sql string, args ...any) (value T) {
	b.t.Helper()
	if err := b.pool.QueryRow(b.t.Context(), sql, args...).Scan(&value); err != nil {
		b.t.Fatal(err)
	}
	return value
}

// keyOf returns a key of the partition.
func keyOf(partition int) string {
	for n := 0; ; n++ {
		if key := fmt.Sprint("key-", n); event.Partition([]byte(key), event.Partitions) == partition {
			return key
		}
	}
}

// A commit by a process that has none of the shards wakes those that have them, whatever the isolation level is.
func TestACommitWakesTheHolder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.threeRelays()
	version := int64(0)
	for _, level := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable} {
		version++
		for n := range event.Partitions {
			tx, err := b.pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: level})
			if err != nil {
				t.Fatal(err)
			}
			if err := Append(t.Context(), tx, message(b.products, keyOf(n), version), message(b.markets, keyOf(n), version)); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.waitUntilSent()
	}
}

// Above notifyBurst notifications the relays disarm their logs and look by themselves. They miss nothing, and arm again.
func TestManyCommitsWakeTheHolder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.threeRelays()
	const commits = 10 * notifyBurst
	for n := range commits {
		b.append(message(b.products, keyOf(n%event.Partitions), int64(1+n/event.Partitions)))
	}
	b.waitUntilSent()
	b.untilArmed(allShards)
	b.append(message(b.products, "another key", 1))
	b.waitUntilSent()
}

// A transaction has found a log disarmed, and commits when the other logs are armed.
func TestACommitDuringTheArmIsSeen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // after a failure
	if err := Append(t.Context(), tx, message(b.products, "a", 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SET CONSTRAINTS ALL IMMEDIATE`); err != nil { // runs the trigger, as a commit that takes long
		t.Fatal(err)
	}
	b.start("first", onlyWoken).waitForShards(allShards)
	b.start("second", onlyWoken).waitForShards(allShards / 2)
	b.untilArmed(len(b.topics())*event.Partitions - 1)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.waitUntilSent()
}

// afterClaim calls itself after each claim.
type afterClaim func()

func (afterClaim) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, afterClaim(nil).key(), strings.Contains(data.SQL, "ClaimPending"))
}

func (f afterClaim) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if claims, _ := ctx.Value(f.key()).(bool); claims {
		f()
	}
}

type claimKey struct{}

func (afterClaim) key() claimKey { return claimKey{} }

// Whenever a claim has read the rows of a log that is not armed, a transaction commits. So a relay that looks before it arms
// misses the last of them.
func TestTheLookIsAfterTheArm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const ofKey = `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
		AND classid = 1869968491 AND objid = outbox_wake_key($1, $2)::bit(32)::bigint::oid
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`
	shard := int16(b.partition(b.products, "a").Partition)
	var mu sync.Mutex // the relays' claims overlap
	var version int64
	ctx, cancel := context.WithCancel(t.Context()) // ends before the relays stop
	defer cancel()
	b.tracer = afterClaim(func() {
		mu.Lock()
		defer mu.Unlock()
		var armed bool
		err := b.pool.QueryRow(ctx, ofKey, b.products, shard).Scan(&armed)
		if err == nil && !armed {
			version++
			err = pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error {
				return Append(ctx, tx, message(b.products, "a", version))
			})
		}
		if err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
	first, second := b.start("first", onlyWoken), b.start("second", onlyWoken)
	first.waitForShards(allShards / 2)
	second.waitForShards(allShards / 2)
	b.untilArmed(allShards)
	b.waitUntilSent()
	mu.Lock()
	defer mu.Unlock()
	if version == 0 {
		t.Error("nothing was committed")
	}
}

// A connection that is lost is replaced, and what was committed meanwhile is seen.
func TestALostListenerIsReplaced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relays := b.threeRelays()
	before := query[[]int32](b, listening)
	if len(before) != len(relays) {
		t.Fatalf("%d connections listen, want %d", len(before), len(relays))
	}
	query[int](b, `SELECT count(pg_terminate_backend(pid)) FROM unnest($1::int[]) pid`, before)
	for n := range event.Partitions {
		b.append(message(b.products, keyOf(n), 1))
	}
	b.waitUntilSent()
	kafkatest.Eventually(t, "all relays listen again", func() bool {
		now := query[[]int32](b, listening)
		return len(now) == len(relays) && !containsAny(now, before)
	})
	for n := range event.Partitions {
		b.append(message(b.products, keyOf(n), 2))
	}
	b.waitUntilSent()
}

func containsAny(list, others []int32) bool {
	have := map[int32]bool{}
	for _, n := range list {
		have[n] = true
	}
	for _, n := range others {
		if have[n] {
			return true
		}
	}
	return false
}

// The instances that are left arm the logs of an instance that has died.
func TestAnInstanceThatDiesLeavesNothingArmed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relays := b.threeRelays()
	relays[2].crash()
	for _, r := range relays[:2] {
		r.waitForShards(allShards / 2)
	}
	b.untilArmed(allShards)
	for n := range event.Partitions {
		b.append(message(b.products, keyOf(n), 1))
	}
	b.waitUntilSent()
	relays[1].crash()
	relays[0].waitForShards(allShards)
	b.untilArmed(0) // it is alone
	kafkatest.Eventually(t, "no connection listens", func() bool { return len(query[[]int32](b, listening)) == 0 })
}

// An instance that was paused still has a log armed that another one has taken over.
func TestALogThatAnotherSessionHasArmed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paused, err := b.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer paused.Release()
	shard := int16(b.partition(b.products, "a").Partition)
	var armed bool
	if err := paused.QueryRow(t.Context(), `SELECT pg_try_advisory_lock(1869968491, outbox_wake_key($1, $2))`, b.products, shard).Scan(&armed); err != nil || !armed {
		t.Fatal("not armed", err)
	}
	b.threeRelays()
	b.append(message(b.products, "a", 1))
	b.waitUntilSent()
}

// A transaction notifies only if a log is armed that it appends to.
func TestOnlyArmedLogsNotify(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn, err := b.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), `LISTEN outbox`); err != nil {
		t.Fatal(err)
	}
	tp := b.partition(b.markets, "a")
	armed, err := conn.Query(t.Context(), `SELECT pg_advisory_lock(1869968491, outbox_wake_key($1, $2))`, tp.Topic, int16(tp.Partition))
	if err != nil {
		t.Fatal(err)
	}
	armed.Close()
	b.append(message(b.products, "a", 1))
	b.append(message(b.markets, "a", 1))
	n, err := conn.Conn().WaitForNotification(t.Context())
	if want := fmt.Sprint(tp.Partition, " ", tp.Topic); err != nil || n.Payload != want {
		t.Errorf("got %+v, %v; want %q", n, err, want)
	}
	if _, err := conn.Exec(t.Context(), `SELECT pg_advisory_unlock_all(); UNLISTEN *`, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
}

// A relay that is alone opens no connection to listen, and arms nothing.
func TestALoneRelayDoesNotListen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("alone", onlyWoken)
	relay.waitForShards(allShards)
	b.append(message(b.products, "a", 1))
	relay.Wake()
	b.waitUntilSent()
	if n := query[int](b, armedLogs); n != 0 {
		t.Errorf("%d logs are armed", n)
	}
	if pids := query[[]int32](b, listening); len(pids) != 0 {
		t.Errorf("connections %v listen", pids)
	}
}
