package outbox

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// knownEvent is an event of this database whose record a comparison has found in the log.
type knownEvent struct {
	seq, version int64
	predecessor  int64 // seq of the previous version of its aggregate if that is pending; otherwise 0
	pending      bool
	blocked      bool // its aggregate is in outbox_blocked
}

// comparison decides which pending events may be marked sent, because the log has them. The last record of a key must be
// its highest sent version, because compaction keeps the last one. The schedule: the log of a key has versions 1, 2 and
// then 1 again, because two relays crashed while they sent. Then only version 1 counts as sent, and the relay sends
// version 2 again.
//
// It keeps at most limit events in memory. An event that it does not keep stays pending and is sent again.
type comparison struct {
	limit int
	count int
	keys  map[string][]knownEvent // pending events, in the order of their versions
}

func newComparison(limit int) *comparison {
	return &comparison{limit: limit, keys: map[string][]knownEvent{}}
}

// add takes the next record of the log.
func (c *comparison) add(key string, e knownEvent) {
	kept := c.keys[key]
	for len(kept) > 0 && kept[len(kept)-1].version > e.version {
		kept = kept[:len(kept)-1]
		c.count--
	}
	repeated := len(kept) > 0 && kept[len(kept)-1].version == e.version
	if e.pending && !repeated && c.count < c.limit {
		kept = append(kept, e)
		c.count++
	}
	if c.keys[key] = kept; len(kept) == 0 {
		delete(c.keys, key)
	}
}

// sentEvent is a pending event that counts as sent.
type sentEvent struct {
	seq     int64
	key     string
	blocked bool
}

// sent returns the events to mark. An event whose predecessor stays pending is not among them: the predecessor is sent
// again, so the event must follow it again.
func (c *comparison) sent() (list []sentEvent) {
	for key, events := range c.keys {
		marked := map[int64]bool{}
		for _, e := range events {
			if e.predecessor != 0 && !marked[e.predecessor] {
				break
			}
			marked[e.seq] = true
			list = append(list, sentEvent{e.seq, key, e.blocked})
		}
	}
	slices.SortFunc(list, func(a, b sentEvent) int { return cmp.Compare(a.seq, b.seq) })
	return list
}

// logRecord is what identifies a record of the log.
type logRecord struct {
	offset int64
	key    string
	id     uuid.UUID
}

// unknownRecordError reports a record that this database did not publish.
type unknownRecordError struct {
	tp     broker.TopicPartition
	offset int64
	key    string
}

// Error implements error.
func (e *unknownRecordError) Error() string {
	return fmt.Sprintf("%s has an event at offset %d, with the key %q, that this database does not know", e.tp, e.offset, e.key)
}

// identify reads which event a record is. The id is in a header, and also in the event itself. It returns an
// *unknownRecordError for a record that no relay has written.
func identify(tp broker.TopicPartition, r broker.Fetched) (logRecord, error) {
	text := ""
	for _, h := range r.Headers {
		if h.Key == event.HeaderID {
			text = string(h.Value)
		}
	}
	if text == "" {
		e, _ := event.Decode(r.Value) // it returns the id also if another attribute is wrong
		text = e.ID
	}
	id, err := uuid.Parse(text)
	key := string(r.Key)
	if err != nil || !utf8.ValidString(key) || strings.ContainsRune(key, 0) { // PostgreSQL has no text with such a key
		return logRecord{}, &unknownRecordError{tp, r.Offset, key}
	}
	return logRecord{r.Offset, key, id}, nil
}
