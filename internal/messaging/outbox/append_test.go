//go:build !realkafka

package outbox

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

func TestAppendKeepsTheOrderOfItsArguments(t *testing.T) {
	t.Parallel()
	b := &bundle{t: t, pool: pgtest.New(t, messagingMigrations())}
	var msgs []event.Message
	var want []string
	for i := range 500 {
		m := message("topic", fmt.Sprint("key-", i%7), int64(i/7+1))
		msgs, want = append(msgs, m), append(want, string(m.Payload))
	}
	b.append(msgs[0])
	b.append(msgs[1:400]...)
	b.append(msgs[400:]...)
	rows, err := b.pool.Query(t.Context(), `SELECT convert_from(payload, 'UTF8') FROM outbox ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the sequence does not follow the arguments (%v)", err)
	}
	// Every row names the row of its predecessor, from the same call or from an earlier one.
	var orphans int
	err = b.pool.QueryRow(t.Context(), `SELECT count(*) FROM outbox_pending p LEFT JOIN outbox_pending q
		ON q.shard = p.shard AND q.seq = p.prev_seq AND q.key = p.key AND q.version = p.version - 1
		WHERE p.version > 1 AND q.seq IS NULL OR p.version = 1 AND p.prev_seq <> 0`).Scan(&orphans)
	if err != nil || orphans != 0 {
		t.Errorf("%d rows do not name their predecessor (%v)", orphans, err)
	}
}

// A queued event is appended with the batch. A batch of which a statement fails appends nothing.
func TestQueueAppendsWithTheBatch(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, messagingMigrations())
	send := func(other string, msgs ...event.Message) error {
		return pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			var batch pgx.Batch
			if err := Queue(t.Context(), &batch, msgs...); err != nil {
				return err
			}
			batch.Queue(other)
			return tx.SendBatch(t.Context(), &batch).Close()
		})
	}
	if err := send("SELECT 1", message("topic", "a", 1)); err != nil {
		t.Error(err)
	}
	if err := send("SELECT 1", message("topic", "a", 2), message("topic", "b", 1)); err != nil {
		t.Error(err)
	}
	if err := send("SELECT 1/0", message("topic", "a", 3)); err == nil {
		t.Error("a statement of the batch failed, and the batch did not")
	}
	if err := send("SELECT 1", message("topic", "a", 0)); err == nil {
		t.Error("an event without a version was queued")
	}
	var got string
	err := pool.QueryRow(t.Context(), `SELECT string_agg(key || version, ' ' ORDER BY seq) FROM outbox_pending`).Scan(&got)
	if err != nil || got != "a1 a2 b1" {
		t.Errorf("appended %s, %v", got, err)
	}
}

func TestAppendAfterThePredecessorWasSent(t *testing.T) {
	t.Parallel()
	b := &bundle{t: t, pool: pgtest.New(t, messagingMigrations())}
	b.append(message("topic", "a", 1), message("topic", "b", 1))
	if _, err := b.pool.Exec(t.Context(), `DELETE FROM outbox_pending`); err != nil {
		t.Fatal(err)
	}
	b.append(message("topic", "a", 2))
	b.append(message("topic", "b", 2), message("topic", "b", 3))
	rows, err := b.pool.Query(t.Context(), `SELECT prev_seq FROM outbox_pending ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if want := []int64{0, 0, 4}; err != nil || !slices.Equal(got, want) {
		t.Errorf("predecessors %v, want %v (%v)", got, want, err)
	}
}

func TestAppendRefuses(t *testing.T) {
	t.Parallel()
	b := &bundle{t: t, pool: pgtest.New(t, messagingMigrations())}
	large := message("topic", "a", 1)
	large.Payload = make([]byte, MaxPayload+1)
	for name, c := range map[string]struct {
		msgs     []event.Message
		tooLarge bool
	}{
		"a payload that Kafka would not accept": {[]event.Message{message("topic", "b", 1), large}, true},
		"a version above an Integer":            {[]event.Message{message("topic", "a", event.MaxVersion+1)}, false},
		"version 0":                             {[]event.Message{message("topic", "a", 0)}, false},
		"the same version twice":                {[]event.Message{message("topic", "c", 1), message("topic", "c", 1)}, false},
	} {
		err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error { return Append(t.Context(), tx, c.msgs...) })
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		tooLarge, is := errors.AsType[*TooLargeError](err)
		if is != c.tooLarge || is && *tooLarge != (TooLargeError{Bytes: MaxPayload + 1, Limit: MaxPayload}) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if n := b.pending(); n != 0 {
		t.Errorf("%d events were appended", n)
	}
	if err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error { return Append(t.Context(), tx) }); err != nil {
		t.Errorf("appending nothing: %v", err)
	}
	large.Payload = large.Payload[:MaxPayload]
	b.append(large)
}

func TestReadStatus(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, messagingMigrations())
	b := &bundle{t: t, pool: pool}
	s, err := ReadStatus(t.Context(), pool)
	if err != nil || s.Pending != 0 || s.OldestPending != nil || s.Appended != 0 || len(s.Shards) != 0 || len(s.Instances) != 0 {
		t.Fatalf("an empty outbox: %+v, %v", s, err)
	}
	began := time.Now().Add(-time.Second)
	b.append(versions("topic", "a", 1, 3)...)
	if err := messagingdb.New(pool).AddLeases(t.Context(), []string{"topic"}); err != nil {
		t.Fatal(err)
	}
	me := uuid.New()
	if _, err := pool.Exec(t.Context(), `INSERT INTO outbox_instance (id, name) VALUES ('`+me.String()+`', 'here:1');
		UPDATE outbox_lease SET owner = '`+me.String()+`' WHERE shard < 5;
		INSERT INTO outbox_blocked VALUES ('topic', 'b', 4, now() + interval '1 minute', 'too large')`, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	s, err = ReadStatus(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	if s.Pending != 3 || s.Appended != 3 || s.OldestPending == nil || s.OldestPending.Before(began) || s.OldestAge < 0 || s.OldestAge > 60 {
		t.Errorf("pending %d of %d since %v (%v s)", s.Pending, s.Appended, s.OldestPending, s.OldestAge)
	}
	if len(s.Blocked) != 1 || s.BlockedCount != 1 || s.Blocked[0].Key != "b" || s.Blocked[0].Attempts != 4 || s.Blocked[0].LastError != "too large" {
		t.Errorf("blocked %+v", s.Blocked)
	}
	if s.Shards[4].Holder != "here:1" || s.Shards[5].Holder != "" || !slices.Equal(s.Instances, []InstanceStatus{{"here:1", 5, linkAnswers}}) {
		t.Errorf("shards %+v, instances %+v", s.Shards, s.Instances)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg    Config
		faults int
	}{
		"the defaults":                         {Config{Topics: []string{"t"}}, 0},
		"no topic":                             {Config{}, 1},
		"a lease that ends before a request":   {Config{Topics: []string{"t"}, LeaseTimeout: 3 * time.Second}, 1},
		"everything at once":                   {Config{LeaseTimeout: time.Second, SweepMin: time.Minute, RetryMin: -1, BatchBytes: 2_000_000, ClaimRows: -1}, 6},
		"a longest block below the shortest":   {Config{Topics: []string{"t"}, BlockMin: time.Hour}, 1},
		"a produce time-out just short enough": {Config{Topics: []string{"t"}, ProduceTimeout: 3999 * time.Millisecond}, 0},
	} {
		if faults := c.cfg.Validate(); len(faults) != c.faults {
			t.Errorf("%s: %v, want %d faults", name, faults, c.faults)
		}
	}
}

// A version that leaves a gap is published after the versions of its aggregate that are pending.
func TestAppendAfterGap(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(versions(b.products, "pending", 1, 2)...)
	if err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error {
		return AppendAfterGap(t.Context(), tx, b.products, []event.Message{message(b.products, "pending", 7), message(b.products, "new", 4)})
	}); err != nil {
		t.Fatal(err)
	}
	for key, version := range map[string]int{"pending": 2, "new": 0} {
		if n := b.number(`SELECT count(*) FROM outbox_pending p WHERE key = $1 AND version > 2 AND prev_seq =
			coalesce((SELECT seq FROM outbox_pending WHERE key = $1 AND version = $2), 0)`, key, version); n != 1 {
			t.Errorf("%s does not follow version %d", key, version)
		}
	}
}
