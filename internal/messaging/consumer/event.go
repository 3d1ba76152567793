package consumer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// Event is an event on its way into a handler. Of a purge only the key and where it was read are set.
type Event struct {
	event.Event
	Topic     string
	Partition int
	Offset    int64
	Key       string // the aggregate's id, equal to Subject
	Purge     bool   // the record's value was null: an operator has removed the key's data
	Headers   []broker.Header
}

// Header returns the first header of that name, or "".
func (e Event) Header(name string) string {
	for _, h := range e.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// Data decodes the event's data into a consumer's own small type: members that it does not have are ignored. Data of
// another shape is poison.
func Data[D any](e Event) (D, error) {
	var data D
	if e.Data == nil {
		return data, Poison("the event has no data")
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return data, &poisonError{code: "undecodable", reason: "data: " + err.Error()}
	}
	return data, nil
}

// item is a record that is to be applied, or, where err is set, to be a dead letter.
type item struct {
	record broker.Fetched
	event  Event
	err    error
}

// decode reads a record. The rest of the program takes the key for text that PostgreSQL can store, and for the subject.
func decode(tp broker.TopicPartition, r broker.Fetched) item {
	it := item{record: r, event: Event{
		Topic: tp.Topic, Partition: tp.Partition, Offset: r.Offset, Key: string(r.Key), Headers: r.Headers,
	}}
	switch {
	case len(r.Key) == 0:
		it.err = &poisonError{code: "bad-key", reason: "the record has no key"}
	case !utf8.Valid(r.Key) || strings.IndexByte(it.event.Key, 0) >= 0:
		it.err = &poisonError{code: "bad-key", reason: "the record's key is not text"}
	}
	if r.Value == nil {
		it.event.Purge = true
		return it
	}
	e, err := event.Decode(r.Value)
	it.event.Event = e
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
