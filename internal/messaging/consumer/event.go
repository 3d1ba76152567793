package consumer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// Event is an event for a handler. A purge has only its key, headers and place in the log set.
type Event struct {
	event.Event
	Topic     string
	TopicID   broker.TopicID // tells apart topics that had the same name, one after the other; zero if it is not known
	Partition int
	Offset    int64
	Key       string // the aggregate's id, equal to Subject
	Purge     bool   // the record's value was null: an operator has removed the key's data
	Headers   []broker.Header

	Unknown    *bool       // what UnknownType sets; may be nil
	Comparison *Comparison // what SameVersion sets; may be nil
}

// UnknownType reports to the consumer that the handler does not know the event's type, and ignores the event. The consumer
// counts such events by their type, so that a type that nobody reads is noticed.
func (e Event) UnknownType() {
	if e.Unknown != nil {
		*e.Unknown = true
	}
}

// Header returns the value of the first header with that name, or "".
func (e Event) Header(name string) string {
	for _, h := range e.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// Data decodes the event's data into D, the consumer's own small type. It ignores members that D does not have. Data that
// does not fit D is poison.
func Data[D any](e Event) (D, error) {
	var data D
	if e.Data == nil {
		return data, Poison("the event has no data")
	}
	if err := strictjson.Unmarshal(e.Data, &data); err != nil {
		return data, &poisonError{code: "undecodable", reason: "data: " + err.Error()}
	}
	return data, nil
}

// item is a record with its decoded event. If err is set, it becomes a dead letter instead of being applied.
type item struct {
	record  broker.Fetched
	event   Event
	err     error
	ignored bool // a purge of a queue topic: it is passed over

	unknown    bool // the handler does not know the event's type
	comparison Comparison
}

// forHandler returns the event for a handler. What the handler reports about it is stored in the item.
func (it *item) forHandler() Event {
	it.unknown, it.comparison = false, NotCompared
	e := it.event
	e.Unknown, e.Comparison = &it.unknown, &it.comparison
	return e
}

// headerID returns the id of the event from the record's headers. It returns "" if there is none that PostgreSQL can store.
func headerID(headers []broker.Header) string {
	for _, h := range headers {
		if h.Key == event.HeaderID && utf8.Valid(h.Value) && bytes.IndexByte(h.Value, 0) < 0 {
			return string(h.Value)
		}
	}
	return ""
}

// decodeRecord decodes a record. It ensures what later code relies on: the key is text that PostgreSQL can store, and it
// equals the event's subject.
func decodeRecord(tp broker.TopicPartition, topicID broker.TopicID, r broker.Fetched) item {
	it := item{record: r, event: Event{
		Topic: tp.Topic, TopicID: topicID, Partition: tp.Partition, Offset: r.Offset, Key: string(r.Key), Headers: r.Headers,
	}}
	if r.Unreadable != nil {
		it.err = &poisonError{code: codeUnreadable, reason: r.Unreadable.Error()}
		return it
	}
	switch {
	case len(r.Key) == 0:
		it.err = &poisonError{code: "bad-key", reason: "the record has no key"}
	case !utf8.Valid(r.Key) || strings.IndexByte(it.event.Key, 0) >= 0:
		it.err = &poisonError{code: "bad-key", reason: "the record's key is not text"}
	}
	if r.Value == nil {
		it.event.Purge = true
		if it.err != nil {
			it.event.ID = headerID(r.Headers)
		}
		return it
	}
	e, err := event.Decode(r.Value)
	it.event.Event = e
	if id := headerID(r.Headers); err != nil && id != "" {
		it.event.ID = id // more reliable than what could be read of the value
	}
	var de *event.DecodeError
	switch {
	case it.err != nil:
	case errors.As(err, &de):
		it.err = &poisonError{code: "undecodable", reason: de.Reason}
	case err != nil:
		it.err = &poisonError{code: "undecodable", reason: err.Error()}
	case e.Subject != it.event.Key:
		it.err = &poisonError{code: "key-mismatch", reason: fmt.Sprintf("the subject is %q, not the record's key", e.Subject)}
	}
	return it
}
