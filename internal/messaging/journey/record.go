package journey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Record is all that this service has stored about one event.
type Record struct {
	Event
	Appended *Appended  // set if Produced is set
	Passes   []Consumed // each time that the consumer has passed the event, the newest first; set if Consumed is set
}

// Appended is what the outbox has of an event.
type Appended struct {
	Seq         int64 // its number in the outbox
	Partition   int   // of the topic, in which it is or will be
	Payload     []byte
	Traceparent string // of the request that has made it; may be empty
	// Behind is the version of an unsent event of the same key that has to be sent first. It is 0 if there is none.
	Behind  int64
	Refused *Refused // set if Kafka refuses this event
}

// Refused says that Kafka does not take an event.
type Refused struct {
	Attempts int
	RetryAt  time.Time
	Error    string
}

// mostPasses is how many of the passes of one event a Record has.
const mostPasses = 20

// Read returns all that this service has stored about an event. It reports false if that is nothing, or no longer anything.
func Read(ctx context.Context, db messagingdb.DBTX, ref Ref) (Record, bool, error) {
	found, err := Find(ctx, db, ref)
	e, ok := found[ref]
	if err != nil || !ok {
		return Record{}, false, err
	}
	record, q := Record{Event: e}, messagingdb.New(db)
	if e.Produced != nil {
		record.Appended, err = appended(ctx, q, e)
	} else {
		record.Passes, err = passes(ctx, q, e.Ref)
	}
	return record, err == nil, err
}

// appended returns what the outbox has of an event, or nil if the event was deleted in the meantime.
func appended(ctx context.Context, q *messagingdb.Queries, e Event) (*Appended, error) {
	row, err := q.GetAppended(ctx, e.Ref.Topic, e.Ref.Key, e.Ref.Version)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the event %s: %w", e.Ref, err)
	}
	a := &Appended{Seq: row.Seq, Partition: int(row.Shard), Payload: row.Payload}
	if row.Traceparent != nil {
		a.Traceparent = *row.Traceparent
	}
	switch {
	case e.Final():
	case row.FirstPending > 0 && row.FirstPending < e.Ref.Version:
		a.Behind = row.FirstPending
	case row.RetryAt != nil:
		a.Refused = &Refused{Attempts: int(row.Attempts), RetryAt: row.RetryAt.UTC(), Error: row.LastError}
	}
	return a, nil
}

func passes(ctx context.Context, q *messagingdb.Queries, ref Ref) ([]Consumed, error) {
	rows, err := q.ListPassed(ctx, messagingdb.ListPassedParams{Topic: ref.Topic, Key: ref.Key, Version: ref.Version, Most: mostPasses})
	if err != nil {
		return nil, fmt.Errorf("list when the event %s was passed: %w", ref, err)
	}
	all, err := complete(ctx, q, nil, rows)
	if err != nil {
		return nil, err
	}
	list := make([]Consumed, len(all))
	for i, one := range all {
		list[i] = *one.Consumed
	}
	return list, nil
}
