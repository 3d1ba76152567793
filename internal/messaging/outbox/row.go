package outbox

import (
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// row is a pending event that the relay has in memory.
type row struct {
	seq         int64
	eventID     uuid.UUID
	key         string
	payload     []byte
	traceparent *string
	createdAt   time.Time
	wasBlocked  bool // its aggregate is in outbox_blocked
	withdrawn   bool // its aggregate waits after a refusal, so later rows of it must wait too
	size        int
	offset      int64     // in the log; only of an acknowledged row
	ackedAt     time.Time // only of an acknowledged row
}

func newRow(c *messagingdb.ClaimPendingRow) *row {
	return &row{seq: c.Seq, eventID: c.EventID, key: c.Key, payload: c.Payload, traceparent: c.Traceparent,
		createdAt: c.CreatedAt, wasBlocked: c.WasBlocked, size: len(c.Payload)}
}

// record returns the Kafka record of the row.
func (r *row) record() broker.Record {
	headers := []broker.Header{
		{Key: event.HeaderContentType, Value: []byte(event.ContentType)}, {Key: event.HeaderID, Value: []byte(r.eventID.String())},
	}
	if r.traceparent != nil {
		headers = append(headers, broker.Header{Key: event.HeaderTraceparent, Value: []byte(*r.traceparent)})
	}
	return broker.Record{Key: []byte(r.key), Value: r.payload, Time: r.createdAt, Headers: headers}
}
