//go:build !realkafka

package outbox

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// TestAComparisonKeepsTheHighestVersionLast: relays have written the versions of a key several times, each from its first
// pending version on, and have crashed in the middle. A comparison marks some of them, and the next relay sends the others.
// Then the last record is the highest version, and nothing was marked that is not in the log.
func TestAComparisonKeepsTheHighestVersionLast(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		highest := rapid.Int64Range(1, 6).Draw(t, "highest")
		marked := rapid.Int64Range(0, highest-1).Draw(t, "marked before")
		c := newComparison(rapid.IntRange(0, 8).Draw(t, "limit"))
		var log []int64
		write := func(v int64) {
			log = append(log, v)
			e := knownEvent{seq: v * 10, version: v, pending: v > marked}
			if e.pending && v-1 > marked {
				e.predecessor = (v - 1) * 10
			}
			c.add("a", e)
		}
		for range rapid.IntRange(0, 4).Draw(t, "relays") {
			first := rapid.Int64Range(1, marked+1).Draw(t, "first")
			for v := first; v <= rapid.Int64Range(first, highest).Draw(t, "last"); v++ {
				write(v)
			}
		}
		sent := map[int64]bool{}
		for _, e := range c.sent() {
			if sent[e.seq/10] = true; !slices.Contains(log, e.seq/10) {
				t.Fatalf("version %d is marked, and the log has %v", e.seq/10, log)
			}
		}
		for v := marked + 1; v <= highest; v++ {
			if !sent[v] {
				log = append(log, v)
			}
		}
		if last := log[len(log)-1]; last != highest {
			t.Fatalf("the log ends with version %d instead of %d: %v", last, highest, log)
		}
	})
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	id := uuid.New()
	header := []broker.Header{{Key: event.HeaderID, Value: []byte(id.String())}}
	envelope := []byte(`{"specversion": "1.0", "id": "` + id.String() + `"}`)
	for name, c := range map[string]struct {
		record broker.Record
		known  bool
	}{
		"the id in a header":       {broker.Record{Key: []byte("a"), Value: []byte("x"), Headers: header}, true},
		"the id in the event":      {broker.Record{Key: []byte("a"), Value: envelope}, true},
		"no id":                    {broker.Record{Key: []byte("a"), Value: []byte("x")}, false},
		"an id that is not a UUID": {broker.Record{Key: []byte("a"), Value: []byte(`{"specversion":"1.0","id":"1"}`)}, false},
		"NUL in the key":           {broker.Record{Key: []byte("a\x00"), Value: []byte("x"), Headers: header}, false},
		"a key that is not UTF-8":  {broker.Record{Key: []byte("\xff"), Value: []byte("x"), Headers: header}, false},
	} {
		r, err := identify(broker.TopicPartition{Topic: "t", Partition: 2}, broker.Fetched{Record: c.record, Offset: 7})
		if c.known && (err != nil || r.id != id || r.key != string(c.record.Key) || r.offset != 7) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if unknown, ok := errors.AsType[*unknownRecordError](err); !c.known && (!ok || unknown.offset != 7) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestLanding: a batch that lands below the expected offset is not in the log. While it is open whether an earlier try was
// written, a batch may land above.
func TestLanding(t *testing.T) {
	t.Parallel()
	l := freshLane(1)
	l.expect(10)
	for offset, want := range map[int64]landing{-1: landedBefore, 9: landedBefore, 10: landedAtEnd, 11: landedAfter} {
		if got := l.landed(offset); got != want {
			t.Errorf("offset %d: %v, want %v", offset, got, want)
		}
	}
	l.queue = []*row{{seq: 1, key: "a", createdAt: time.Now()}}
	if err := l.freeze(10, 1000); err != nil {
		t.Fatal(err)
	}
	l.expect(12) // the log may have the batch already
	for offset, want := range map[int64]landing{9: landedBefore, 10: landedAtEnd, 11: landedAtEnd, 12: landedAtEnd} {
		if got := l.landed(offset); got != want {
			t.Errorf("after a check with a batch in flight, offset %d: %v, want %v", offset, got, want)
		}
	}
	if rows := l.takeWritten(11); rows[0].offset != 11 || l.landed(12) != landedAtEnd || l.landed(13) != landedAfter {
		t.Errorf("row at offset %d, next at %d", rows[0].offset, l.nextOffset)
	}
}
