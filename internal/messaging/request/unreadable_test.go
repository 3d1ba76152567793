package request_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// unreadableRecord returns a record that cannot be decoded, with an id in its header.
func unreadableRecord(key string, id uuid.UUID) broker.Record {
	r := put(key, 1, "pen").withID(id).record()
	r.Value = []byte("{")
	return r
}

// The outcome of a request that cannot be read is "unreadable", if it is known whose outcome it is.
func TestUnreadableRequests(t *testing.T) {
	t.Parallel()
	without := unreadableRecord("a", newID())
	without.Headers = nil
	other := unreadableRecord("a", newID())
	other.Headers[0].Value = []byte("pen")
	for name, tt := range map[string]struct {
		record broker.Record
		want   string
	}{
		"undecodable":         {unreadableRecord("a", newID()), "1 unreadable"},
		"without an id":       {without, ""},
		"with another id":     {other, ""},
		"with an unusual key": {unreadableRecord("unusable", newID()), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if err := b.handle(put("b", 1, "ink").record(), tt.record); err != nil {
				t.Fatal(err)
			}
			b.wantOutcomes("a", tt.want)
			b.wantOutcomes("unusable", "")
			b.wantOutcomes("b", "1 accepted ink v1")
			b.wantLetters("1:undecodable/open")
		})
	}
}

// A discarded dead letter is refused, with the operator's note. After that, nothing can have an effect any more.
func TestADiscardIsFinal(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.broken.Store(true)
	first := doing("a", 1, "bug", "pen").known()
	b.get(first, first) // both deliveries become dead letters
	b.wantOutcomes("a", "1 unreadable, 2 unreadable")
	discard := func(id int64) {
		if _, err := b.consumer.Discard(t.Context(), id, "Ada", "as agreed"); err != nil {
			t.Error(err)
		}
	}
	discard(query[int64](b, `SELECT min(id) FROM dead_letter`))
	const want = "1 unreadable, 2 unreadable, 3 refused (discarded, as agreed)"
	b.wantOutcomes("a", want)
	b.broken.Store(false)
	second := query[int64](b, `SELECT max(id) FROM dead_letter`)
	if _, err := b.consumer.Replay(t.Context(), second, "Ada", ""); err != nil {
		t.Error(err)
	}
	b.get(first)
	if err := b.handle(unreadableRecord("a", first.id)); err != nil {
		t.Error(err)
	}
	discard(query[int64](b, `SELECT max(id) FROM dead_letter`))
	b.wantOutcomes("a", want)
	b.wantChanges("")
	b.wantLetters("0:poison/discarded 1:poison/replayed 3:undecodable/discarded")
}

// A handler's error is poison exactly if Read says so.
func TestAnUnreadableBodyIsPoison(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := put("a", 1, "pen").record()
	e.Value = []byte(strings.Replace(string(e.Value), `"needs":1`, `"needs":"one"`, 1))
	if err := b.handle(e, put("a", 2, "pad").record()); err != nil {
		t.Fatal(err)
	}
	b.wantOutcomes("a", "1 unreadable, 2 accepted pad v1")
	letters, err := consumer.ListDeadLetters(t.Context(), b.pool, consumer.DeadLetterFilter{})
	if err != nil || len(letters) != 1 || letters[0].Code != "undecodable" {
		t.Errorf("dead letters %+v, %v", letters, err)
	}
}
