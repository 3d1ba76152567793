package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// deadLetters makes a dead letter for each key, with version 2, and returns their ids.
func (b *bundle) deadLetters(keys ...string) []int64 {
	b.t.Helper()
	b.seed(0)
	records := make([]broker.Record, len(keys))
	for i, key := range keys {
		records[i] = failing(key, 2, "poison")
	}
	b.handle(0, records...)
	letters, err := consumer.ListDeadLetters(b.t.Context(), b.pool, consumer.DeadLetterFilter{State: consumer.Open})
	if err != nil {
		b.t.Fatal(err)
	}
	ids := make([]int64, len(letters))
	for i, l := range letters {
		ids[i] = l.ID
	}
	return ids
}

// codeOf returns the code of a consumer.Error, "" for another error.
func codeOf(err error) string {
	if e, ok := errors.AsType[*consumer.Error](err); ok {
		return e.Code
	}
	return ""
}

// repair makes the handler accept the events that it called poison, once broken is false.
func repair(broken *atomic.Bool) func(*consumer.Config[*tx]) {
	return func(c *consumer.Config[*tx]) {
		inner := c.Topics[topic]
		c.Topics = map[string]consumer.Handler[*tx]{topic: func(ctx context.Context, t *tx, events []consumer.Event) error {
			if broken.Load() {
				return inner(ctx, t, events)
			}
			for i := range events {
				events[i].Data = json.RawMessage(`{"name":"repaired"}`)
			}
			return inner(ctx, t, events)
		}}
	}
}

func broken() *atomic.Bool {
	b := new(atomic.Bool)
	b.Store(true)
	return b
}

func TestReplay(t *testing.T) {
	t.Parallel()
	isBroken := broken()
	b := setup(t, repair(isBroken))
	ids := b.deadLetters("a", "b")
	before := b.committed.Load()

	letter, err := b.Replay(t.Context(), ids[0], "Ada", "")
	if e, ok := errors.AsType[*consumer.Error](err); !ok || e.Code != consumer.CodeReplayFailed ||
		!strings.Contains(e.Detail, "no such size") {
		t.Errorf("error %v, want that it failed again", err)
	}
	if letter.State != consumer.Open || letter.Attempts != 2 || letter.ClosedBy != nil {
		t.Errorf("the letter is %+v", letter)
	}
	b.wantChanges("")

	isBroken.Store(false)
	letter, err = b.Replay(t.Context(), ids[0], "Ada", "")
	if err != nil {
		t.Fatal(err)
	}
	if letter.State != consumer.Replayed || letter.Attempts != 3 || *letter.ClosedBy != "Ada" || letter.ClosedAt == nil ||
		letter.Note != nil {
		t.Errorf("the letter is %+v", letter)
	}
	b.wantChanges("a2")
	if b.committed.Load() != before+1 {
		t.Error("the relay was not woken")
	}
	_, err = b.Replay(t.Context(), ids[0], "Ada", "")
	if codeOf(err) != consumer.CodeClosed {
		t.Errorf("error %v, want that it is closed", err)
	}
	b.wantLetters("0:poison/replayed 1:poison/open")
	b.wantPosition(2)
}

// A copy never goes back, even if an operator replays an old event after the copy has moved on.
func TestReplayingAnOlderVersionChangesNothing(t *testing.T) {
	t.Parallel()
	isBroken := broken()
	b := setup(t, repair(isBroken))
	ids := b.deadLetters("a")
	b.handle(1, message("a", 3, thing{}))
	// Open, although a newer version was applied: an older release left such dead letters.
	if _, err := b.pool.Exec(t.Context(), `UPDATE dead_letter SET state = 'open'`); err != nil {
		t.Fatal(err)
	}
	isBroken.Store(false)
	letter, err := b.Replay(t.Context(), ids[0], "Ada", "")
	if err != nil {
		t.Fatal(err)
	}
	if letter.State != consumer.Replayed || letter.Note == nil || *letter.Note != "the copy already had version 3: nothing changed" {
		t.Errorf("the letter is %+v", letter)
	}
	b.wantChanges("a3")
}

// A failure that shows only at COMMIT keeps the letter open too. A failure that is not the event's fault changes nothing.
func TestReplayThatFails(t *testing.T) {
	t.Parallel()
	for how, c := range map[string]struct {
		code     string
		attempts int
	}{
		"late unique": {"sqlstate-23505", 2},
		"panic":       {"panic", 2},
		"unknown":     {"poison", 1},
		"late bug":    {"poison", 1},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			isBroken := broken()
			b := setup(t, repair(isBroken), wrap(func(ctx context.Context, _ int64, t *tx) error {
				if isBroken.Load() {
					return nil
				}
				return fail(ctx, t, how)
			}))
			ids := b.deadLetters("a")
			isBroken.Store(false)
			if _, err := b.Replay(t.Context(), ids[0], "Ada", ""); err == nil {
				t.Fatal("no error")
			}
			letters, err := consumer.ListDeadLetters(t.Context(), b.pool, consumer.DeadLetterFilter{})
			if err != nil {
				t.Fatal(err)
			}
			if l := letters[0]; l.State != consumer.Open || l.Code != c.code || l.Attempts != c.attempts {
				t.Errorf("the letter is %+v", l)
			}
			b.wantChanges("")
		})
	}
}

func TestReplayOfAnUndecodableRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	b.handle(0, raw("a", "?"))
	letters, _ := consumer.ListDeadLetters(t.Context(), b.pool, consumer.DeadLetterFilter{})
	letter, err := b.Replay(t.Context(), letters[0].ID, "Ada", "")
	if codeOf(err) != consumer.CodeReplayFailed || letter.Code != "undecodable" || letter.Attempts != 2 {
		t.Errorf("error %v, letter %+v", err, letter)
	}
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := b.deadLetters("a", "b")
	letter, err := b.Discard(t.Context(), ids[0], "Ada", "the supplier is gone")
	if err != nil {
		t.Fatal(err)
	}
	if letter.State != consumer.Discarded || *letter.ClosedBy != "Ada" || *letter.Note != "the supplier is gone" {
		t.Errorf("the letter is %+v", letter)
	}
	for name, c := range map[string]struct {
		id       int64
		by, note string
		code     string
	}{
		"closed":     {ids[0], "Ada", "", consumer.CodeClosed},
		"unknown":    {ids[1] + 1, "Ada", "", consumer.CodeNotFound},
		"no name":    {ids[1], " ", "", consumer.CodeInvalid},
		"NUL":        {ids[1], "Ada\x00", "", consumer.CodeInvalid},
		"long":       {ids[1], "Ada", strings.Repeat("x", 1001), consumer.CodeInvalid},
		"not UTF-8":  {ids[1], "Ada", "\xff", consumer.CodeInvalid},
		"an escape":  {ids[1], "Ada", "\x1b[2J", consumer.CodeInvalid},
		"right":      {ids[1], "Ada", "two\nlines", ""},
		"and closed": {ids[1], "Ada", "", consumer.CodeClosed},
	} {
		if c.code == "" || name == "and closed" {
			continue
		}
		if _, err := b.Discard(t.Context(), c.id, c.by, c.note); codeOf(err) != c.code {
			t.Errorf("%s: error %v, want %s", name, err, c.code)
		}
	}
	b.wantLetters("0:poison/discarded 1:poison/open")
}

func TestListDeadLetters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := b.deadLetters("a", "b", "c", "d", "e")
	if _, err := b.Discard(t.Context(), ids[2], "Ada", ""); err != nil {
		t.Fatal(err)
	}
	keys := func(f consumer.DeadLetterFilter) string {
		t.Helper()
		letters, err := consumer.ListDeadLetters(t.Context(), b.pool, f)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, l := range letters {
			keys = append(keys, l.Key)
		}
		return strings.Join(keys, "")
	}
	for want, f := range map[string]consumer.DeadLetterFilter{
		"abcde": {},
		"abde":  {State: consumer.Open, Topic: topic},
		"c":     {State: consumer.Discarded},
		"":      {Topic: "other"},
		"ab":    {Limit: 2},
		"de":    {Limit: 2, After: ids[1], State: consumer.Open},
	} {
		if got := keys(f); got != want {
			t.Errorf("%+v: %q, want %q", f, got, want)
		}
	}
	if _, err := consumer.ListDeadLetters(t.Context(), b.pool, consumer.DeadLetterFilter{State: "lost"}); codeOf(err) != consumer.CodeInvalid {
		t.Errorf("error %v, want invalid", err)
	}
	if _, err := consumer.ShowDeadLetter(t.Context(), b.pool, 999); codeOf(err) != consumer.CodeNotFound {
		t.Errorf("error %v, want not found", err)
	}
}

// The bytes of a foreign producer must not control the terminal of the operator who looks at them.
func TestADeadLetterIsSafeToShow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	b.handle(0, broker.Record{
		Key: []byte("k\x1b[2J\u202e"), Value: []byte("{\n\t\"é\": \"\x1b]0;x\x07\xff\"}"),
		Headers: []broker.Header{{Key: "h\x00", Value: []byte("\x9b")}},
	})
	letters, err := consumer.ListDeadLetters(t.Context(), b.pool, consumer.DeadLetterFilter{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := consumer.ShowDeadLetter(t.Context(), b.pool, letters[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if want := `k\x1b[2J\u202e`; d.Key != want || letters[0].Key != want {
		t.Errorf("key %q", d.Key)
	}
	if want := "{\n\t\"é\": \"" + `\x1b]0;x\a\xff` + "\"}"; *d.Value != want {
		t.Errorf("value %q, want %q", *d.Value, want)
	}
	if h := d.Headers[0]; h.Key != `h\x00` || h.Value != `\x9b` {
		t.Errorf("header %q", h)
	}
	if _, err := json.Marshal(d); err != nil {
		t.Error(err)
	}
}
