package consumer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// note records in the database that the service was told about a dead letter. The key says how the service fails.
func note(ctx context.Context, t *tx, e consumer.Event, text string) error {
	if _, err := t.Exec(ctx, `INSERT INTO told (text) VALUES ($1)`, e.Key+" "+e.ID+" "+text); err != nil {
		return err
	}
	return fail(ctx, t, e.Key)
}

// told makes the service record all that it is told about dead letters.
func told(c *consumer.Config[*tx]) {
	c.DeadLettered = map[string]consumer.DeadLetteredFunc[*tx]{topic: note}
	c.Discarded = map[string]consumer.DiscardedFunc[*tx]{
		topic: func(ctx context.Context, t *tx, e consumer.Event, by, text string) error {
			return note(ctx, t, e, by+": "+text)
		},
	}
}

// setupTold returns a bundle whose service is told about dead letters.
func setupTold(t *testing.T, change ...func(*consumer.Config[*tx])) *bundle {
	t.Helper()
	b := setup(t, append([]func(*consumer.Config[*tx]){told}, change...)...)
	if _, err := b.pool.Exec(t.Context(), `CREATE TABLE told (seq bigint GENERATED ALWAYS AS IDENTITY, text text)`); err != nil {
		t.Fatal(err)
	}
	b.seed(0)
	return b
}

// wantTold checks all that the service was told, in order, one a line.
func (b *bundle) wantTold(want ...string) {
	b.t.Helper()
	got := query[string](b, `SELECT coalesce(string_agg(text, E'\n' ORDER BY seq), '') FROM told`)
	if got != strings.Join(want, "\n") {
		b.t.Errorf("the service was told:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

// withID adds the header with the event's id.
func withID(id string, r broker.Record) broker.Record {
	r.Headers = append(r.Headers, broker.Header{Key: event.HeaderID, Value: []byte(id)})
	return r
}

// The service is told about an event that cannot be decoded, and about one that the handler refuses. It is told in the
// transaction that stores the dead letter, and its effects are reported as committed.
func TestTheServiceIsToldAboutDeadLetters(t *testing.T) {
	t.Parallel()
	b := setupTold(t)
	b.handle(0, withID("id-1", raw("x", "{")), named("a", 1), raw("y", ""))
	b.wantTold("x id-1 byte 1: a member's name is missing", "y  the value is empty")
	if n := b.committed.Load(); n != 3 {
		t.Errorf("%d transactions were reported as committed, want those of the handler and of the two dead letters", n)
	}
	b.handle(3, named("b", 1), failing("c", 1, "poison"))
	b.wantTold("x id-1 byte 1: a member's name is missing", "y  the value is empty", "c c-1 wrapped: no such size")
	b.wantLetters("0:undecodable/open 2:undecodable/open 4:poison/open")
	b.wantChanges("a1 b1")
}

// The value of a record is more reliable than nothing, and the header is more reliable than a value that cannot be read.
func TestADeadLetterHasTheIDOfTheHeader(t *testing.T) {
	t.Parallel()
	good := string(named("x", 1).Value)
	for name, c := range map[string]struct {
		record broker.Record
		want   string // "" for a dead letter without an id
	}{
		"undecodable":                   {withID("header", raw("x", "?")), "header"},
		"undecodable in part":           {withID("header", raw("x", good[:len(good)-1])), "header"},
		"undecodable, without a header": {raw("x", good[:len(good)-1]), "x-1"},
		"decodable":                     {withID("header", failing("x", 1, "poison")), "x-1"},
		"of another key":                {withID("header", raw("y", good)), "x-1"},
		"null with a bad key":           {withID("header", purge("\xff")), "header"},
		"not UTF-8":                     {withID("\xff", raw("x", "?")), ""},
		"with a NUL":                    {withID("a\x00", raw("x", "?")), ""},
		"empty":                         {withID("", raw("x", "?")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.seed(0)
			b.handle(0, c.record)
			if got := query[string](b, `SELECT coalesce(event_id, '') FROM dead_letter`); got != c.want {
				t.Errorf("the id is %q, want %q", got, c.want)
			}
		})
	}
}

// If the service cannot handle a dead letter, and never can, the dead letter is stored all the same. Other dead letters of
// the batch are not affected.
func TestADeadLetterThatTheServiceCannotHandle(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"poison", "invalid", "panic", "unique", "late unique", "22P02"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := setupTold(t)
			b.handle(0, withID("1", raw("x", "")), withID("2", raw(how, "")), named("a", 1), withID("3", raw("y", "")))
			b.wantTold("x 1 the value is empty", "y 3 the value is empty")
			b.wantLetters("0:undecodable/open 1:undecodable/open 3:undecodable/open")
			b.wantChanges("a1")
			b.wantPosition(4)
			if n := b.committed.Load(); n != 3 {
				t.Errorf("%d transactions were reported as committed, want 3", n)
			}
		})
	}
}

// An error that another try may cure holds the partition. Nothing of the batch is stored.
func TestADeadLetterThatTheServiceCannotHandleNow(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"unknown", "conflict", "late bug"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := setupTold(t)
			if err := b.Handle(t.Context(), tp, 0, broker.At(2), log(0, named("a", 1), raw(how, ""))); err == nil {
				t.Error("no error")
			}
			b.wantTold()
			b.wantLetters("")
			b.wantChanges("")
			b.wantPosition(0)
			if p := b.State().Partitions[0]; p.Held == "" {
				t.Error("the partition is not held")
			}
		})
	}
}

// The check of deferred constraints after the first dead letter leaves them deferred for the second one.
func TestConstraintsStayDeferredForTheNextDeadLetter(t *testing.T) {
	t.Parallel()
	b := setupTold(t, func(c *consumer.Config[*tx]) {
		c.DeadLettered[topic] = func(ctx context.Context, t *tx, e consumer.Event, _ string) error {
			if err := note(ctx, t, e, ""); err != nil {
				return err
			}
			if _, err := t.Exec(ctx, `INSERT INTO late_unique VALUES (1), (1)`); err != nil {
				return err
			}
			_, err := t.Exec(ctx, `DELETE FROM late_unique`)
			return err
		}
	})
	b.handle(0, raw("x", ""), raw("y", ""))
	b.wantTold("x  ", "y  ")
}

// A dead letter that is superseded from the start needs nobody's attention.
func TestTheServiceIsNotToldAboutASupersededDeadLetter(t *testing.T) {
	t.Parallel()
	b := setupTold(t)
	b.handle(0, named("a", 5), failing("a", 4, "poison"), failing("a", 6, "poison"))
	b.wantTold("a a-6 wrapped: no such size")
	b.wantLetters("1:poison/superseded 2:poison/open")
}

func TestTheServiceIsToldAboutADiscard(t *testing.T) {
	t.Parallel()
	b := setupTold(t)
	b.handle(0, withID("id", raw("x", "?")), failing("a", 1, "poison"))
	if _, err := b.pool.Exec(t.Context(), `DELETE FROM told`); err != nil {
		t.Fatal(err)
	}
	before := b.committed.Load()
	for id := range int64(2) {
		if _, err := b.Discard(t.Context(), id+1, "Ada", "too old"); err != nil {
			t.Fatal(err)
		}
	}
	b.wantTold("x id Ada: too old", "a a-1 Ada: too old")
	b.wantLetters("0:undecodable/discarded 1:poison/discarded")
	if n := b.committed.Load() - before; n != 2 {
		t.Errorf("%d transactions were reported as committed, want 2", n)
	}
}

// A dead letter stays open if the service cannot handle the discard.
func TestADiscardThatTheServiceCannotHandle(t *testing.T) {
	t.Parallel()
	for how, code := range map[string]string{
		"poison": consumer.CodeDiscardFailed, "panic": consumer.CodeDiscardFailed, "late unique": consumer.CodeDiscardFailed,
		"conflict": "", "late bug": "", "unknown": "",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := setupTold(t, func(c *consumer.Config[*tx]) { c.DeadLettered = nil })
			b.handle(0, raw(how, ""))
			before := b.committed.Load()
			_, err := b.Discard(t.Context(), 1, "Ada", "")
			if err == nil || codeOf(err) != code {
				t.Errorf("error %v, want the code %q", err, code)
			}
			if how == "unknown" && !errors.Is(err, errUnknown) {
				t.Errorf("error %v does not wrap the cause", err)
			}
			b.wantTold()
			b.wantLetters("0:undecodable/open")
			if b.committed.Load() != before {
				t.Error("a transaction was reported as committed")
			}
		})
	}
}
