package consumer_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// H10 poison in a batch: for every kind of poison, the events before and after the poisoned event are applied, and the
// poisoned event is kept unchanged.
func TestPoisonDelaysNoOtherEvent(t *testing.T) {
	t.Parallel()
	for how, code := range map[string]string{
		"poison": "poison", "invalid": "invalid", "malformed": "malformed", "panic": "panic", "json": "undecodable",
		"too long": "sqlstate-22001", "unique": "sqlstate-23505", "late unique": "sqlstate-23505",
		"22P02": "sqlstate-22P02", "23514": "sqlstate-23514", "54000": "sqlstate-54000",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.seed(10)
			bad := failing("b", 1, how)
			records := log(10, named("a", 1), bad, named("c", 1), failing("d", 1, how), named("a", 2))
			if err := b.Handle(t.Context(), tp, 10, broker.At(20), records); err != nil {
				t.Fatal(err)
			}
			b.wantChanges("a1 c1 a2")
			b.wantPosition(20)
			b.wantLetters(fmt.Sprintf("11:%s/open 13:%s/open", code, code))
			letters, err := consumer.ListDeadLetters(t.Context(), b.pool, consumer.DeadLetterFilter{})
			if err != nil || len(letters) != 2 {
				t.Fatalf("%d dead letters, %v", len(letters), err)
			}
			d, err := consumer.ShowDeadLetter(t.Context(), b.pool, letters[0].ID)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(d.RawKey, bad.Key) || !bytes.Equal(d.RawValue, bad.Value) || *d.Version != 1 ||
				*d.EventID != "b-1" || d.Reason == "" || d.Attempts != 1 || d.Topic != topic || d.Partition != 3 ||
				d.Headers[0].Value != event.ContentType || d.ClosedAt != nil {
				t.Errorf("the dead letter is %+v", d)
			}
		})
	}
}

// A handler appends events. If the outbox has no partition for them, or its sequence has ended, that is not the fault of the
// event: the batch waits, and is applied when there is room.
func TestAFaultOfOurOwnTablesIsNotPoison(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ spoil, mend string }{
		"no partition":         {`SELECT setval('outbox_seq', 99000000)`, `SELECT outbox_make_partition(99)`},
		"a sequence that ends": {`ALTER SEQUENCE outbox_seq MAXVALUE 10; SELECT setval('outbox_seq', 10)`, `ALTER SEQUENCE outbox_seq MAXVALUE 1000`},
		"a used number":        {`CREATE UNIQUE INDEX outbox_event_0_used ON outbox_event_0 ((1))`, `DROP INDEX outbox_event_0_used`},
		"a number set back":    {`INSERT INTO numbered SELECT FROM generate_series(1, 99); ALTER TABLE numbered ALTER id RESTART`, `SELECT setval('numbered_id_seq', 99)`},
		"a missing table":      {`ALTER TABLE outbox_pending RENAME TO gone`, `ALTER TABLE gone RENAME TO outbox_pending`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.seed(0)
			run := func(sql string) {
				t.Helper()
				if _, err := b.pool.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
					t.Fatal(err)
				}
			}
			appending := failing("a", 1, "append")
			if name == "a number set back" {
				appending = failing("a", 1, "numbered")
			}
			run(c.spoil)
			if name == "a used number" {
				run(`INSERT INTO outbox_event (shard, event_id, topic, key, version, prev, type, payload) VALUES (0, gen_random_uuid(), 't', 'k', 1, 0, 'x', '')`)
			}
			if err := b.Handle(t.Context(), tp, 0, broker.At(2), log(0, appending, named("b", 1))); err == nil {
				t.Error("the batch was applied")
			}
			b.wantLetters("")
			b.wantPosition(0)
			if name == "a used number" {
				run(`DELETE FROM outbox_event`)
			}
			run(c.mend)
			b.handle(0, appending, named("b", 1))
			b.wantLetters("")
			b.wantPosition(2)
		})
	}
}

// Undecodable records become dead letters in the transaction of their batch: the handler is called once.
func TestUndecodableRecords(t *testing.T) {
	t.Parallel()
	good := string(named("x", 1).Value)
	for name, c := range map[string]struct {
		record  broker.Record
		code    string
		version bool // reports whether the version could be read
	}{
		"empty":                   {raw("x", ""), "undecodable", false},
		"not JSON":                {raw("x", "hello"), "undecodable", false},
		"binary":                  {raw("x", "\x00\xff\x00\xfe"), "undecodable", false},
		"cut off":                 {raw("x", good[:len(good)-5]), "undecodable", true},
		"trailing garbage":        {raw("x", good+"x"), "undecodable", true},
		"NUL in the data":         {raw("x", strings.Replace(good, "x v1", `x\u0000`, 1)), "undecodable", true},
		"raw NUL in the data":     {raw("x", strings.Replace(good, "x v1", "x\x00", 1)), "undecodable", true},
		"invalid UTF-8":           {raw("x", strings.Replace(good, "x v1", "x\xff", 1)), "undecodable", false},
		"repeated member":         {raw("x", strings.Replace(good, `{"name"`, `{"name":"y","name"`, 1)), "undecodable", true},
		"no version":              {raw("x", strings.Replace(good, "aggregateversion", "someversion", 1)), "undecodable", false},
		"version 0":               {raw("x", strings.Replace(good, `version":1`, `version":0`, 1)), "undecodable", false},
		"too deep":                {raw("x", strings.Repeat("[", 100000)), "undecodable", false},
		"data of another shape":   {raw("x", strings.Replace(good, `"x v1"`, `{"de":"x"}`, 1)), "undecodable", true},
		"another subject":         {raw("y", good), "key-mismatch", true},
		"no subject":              {raw("x", strings.Replace(good, `"subject"`, `"object"`, 1)), "key-mismatch", true},
		"null key":                {broker.Record{Value: []byte(good)}, "bad-key", true},
		"empty key":               {raw("", good), "bad-key", true},
		"null key and null value": {broker.Record{}, "bad-key", false},
		"NUL in the key":          {raw("x\x00", good), "bad-key", true},
		"binary key":              {raw("\xff\xfe", good), "bad-key", true},
		"binary key of a purge":   {purge("\xff\xfe"), "bad-key", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.seed(0)
			b.handle(0, named("a", 1), c.record, named("b", 1))
			b.wantChanges("a1 b1")
			b.wantPosition(3)
			b.wantLetters("1:" + c.code + "/open")
			if calls := b.calls.Load(); calls != 1 && name != "data of another shape" {
				t.Errorf("%d calls of the handler, want 1", calls)
			}
			letters, err := consumer.ListDeadLetters(t.Context(), b.pool, consumer.DeadLetterFilter{})
			if err != nil {
				t.Fatal(err)
			}
			if got := letters[0].Version != nil; got != c.version {
				t.Errorf("version known: %t, want %t", got, c.version)
			}
			d, err := consumer.ShowDeadLetter(t.Context(), b.pool, letters[0].ID)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(d.RawValue, c.record.Value) || (d.RawValue == nil) != (c.record.Value == nil) ||
				!bytes.Equal(d.RawKey, c.record.Key) || (d.RawKey == nil) != (c.record.Key == nil) {
				t.Errorf("kept %q %q", d.RawKey, d.RawValue)
			}
		})
	}
}

// A btree index refuses a key over 2.7 kB (SQLSTATE 54000). In the copy that is poison. The table dead_letter must store and
// find the key.
func TestAKeyTooLongForAnIndex(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	var long strings.Builder // random enough not to be compressed below the limit
	for i := range 1000 {
		fmt.Fprintf(&long, "%x", i*i*7919)
	}
	b.handle(0, named("a", 1), message(long.String(), 1, thing{}), message(long.String(), 2, thing{}), named("a", 2))
	b.wantChanges("a1 a2")
	b.wantLetters("1:sqlstate-54000/open 2:sqlstate-54000/open")
	b.handle(4, purge(long.String()))
	b.wantLetters("1:sqlstate-54000/superseded 2:sqlstate-54000/superseded")
}

// H11 stale dead letter: a newer version of the same aggregate supersedes an open dead letter. Nothing else does.
func TestANewerVersionSupersedesADeadLetter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	b.handle(0, failing("a", 3, "poison"), failing("b", 3, "poison"), raw("a", "?"))
	b.wantLetters("0:poison/open 1:poison/open 2:undecodable/open")
	b.handle(3, named("a", 2), named("c", 9), failing("a", 4, "poison"))
	b.wantLetters("0:poison/open 1:poison/open 2:undecodable/open 5:poison/open")
	b.handle(6, named("a", 4))
	b.wantLetters("0:poison/superseded 1:poison/open 2:undecodable/open 5:poison/superseded")
	b = on(t, b.pool) // a new instance: Position finds the open ones
	b.seed(0)
	b.handle(7, named("b", 4))
	b.wantLetters("0:poison/superseded 1:poison/superseded 2:undecodable/open 5:poison/superseded")
	note := query[string](b, `SELECT closed_by || ': ' || note FROM dead_letter WHERE "offset" = 1 AND closed_at IS NOT NULL`)
	if note != "system: version 4 was applied" {
		t.Errorf("the note is %q", note)
	}
}

// An event that the handler ignores supersedes nothing, because the copy's version has not changed.
func TestAnIgnoredEventSupersedesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *consumer.Config[*tx]) {
		inner := c.Topics[topic]
		c.Topics = map[string]consumer.Handler[*tx]{topic: func(ctx context.Context, t *tx, events []consumer.Event) error {
			known := slices.DeleteFunc(slices.Clone(events), func(e consumer.Event) bool { return e.Version == 3 })
			return inner(ctx, t, known)
		}}
	})
	b.seed(0)
	b.handle(0, named("a", 1), failing("a", 2, "poison"), named("a", 3))
	b.wantLetters("1:poison/open")
	b.handle(3, named("a", 4))
	b.wantLetters("1:poison/superseded")
}

func TestADeadLetterInTheBatchOfItsSuccessor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	cut := string(named("a", 2).Value)
	b.handle(0, named("a", 1), raw("a", cut[:len(cut)-1]), named("a", 3))
	b.wantLetters("1:undecodable/superseded")
	b.wantPosition(3)
}

// A late, older version that cannot be applied is superseded at once, because its copy is newer.
func TestADeadLetterOlderThanItsCopyIsClosedAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	b.handle(0, named("a", 5))
	b.handle(1, failing("a", 4, "poison"), failing("a", 5, "poison"), failing("a", 6, "poison"))
	b.wantLetters("1:poison/superseded 2:poison/superseded 3:poison/open")
}

func TestTheCopysVersionMayFailToo(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *consumer.Config[*tx]) {
		c.Versions = map[string]consumer.VersionOf[*tx]{topic: func(ctx context.Context, t *tx, key string) (int64, error) {
			if key == "panics" {
				panic("no")
			}
			_, err := t.Exec(ctx, `SELECT $1::text::uuid`, key)
			return 0, err
		}}
	})
	b.seed(0)
	b.handle(0, failing("no uuid", 1, "poison"), failing("panics", 1, "poison"), named("a", 1))
	b.wantLetters("0:poison/open 1:poison/open")
	b.wantChanges("a1")
}

// If events are applied one by one, and one fails without being poisoned, the events before it stay applied.
func TestAHoldInTheMiddleOfTheFallback(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	err := b.Handle(t.Context(), tp, 0, broker.At(4),
		log(0, named("a", 1), failing("b", 1, "poison"), failing("c", 1, "unknown"), named("d", 1)))
	wantReseek(t, err)
	b.wantPosition(2)
	b.wantChanges("a1")
	b.wantLetters("1:poison/open")
	if p := b.State().Partitions[0]; !strings.Contains(p.Held, errUnknown.Error()) {
		t.Errorf("the state says %+v", p)
	}
	b.handle(2, named("c", 1), named("d", 1))
	b.wantChanges("a1 c1 d1")
}

// An operator has set the position back. An event that fails again replaces the dead letter with the same offset.
func TestTheSameOffsetFailsAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	b.handle(0, failing("a", 1, "poison"))
	if _, err := b.pool.Exec(t.Context(), `UPDATE consumer_position SET next_offset = 0`); err != nil {
		t.Fatal(err)
	}
	b.handle(0, failing("a", 1, "panic"))
	b.wantLetters("0:panic/open")
	if n := query[int](b, `SELECT attempts FROM dead_letter`); n != 2 {
		t.Errorf("%d attempts, want 2", n)
	}
}
