package outbox

import (
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// row is a pending event that the relay has in memory.
type row struct {
	seq         int64
	eventID     uuid.UUID
	topic, key  string
	payload     []byte
	traceparent *string
	createdAt   time.Time
	wasBlocked  bool // its aggregate is in outbox_blocked
	withdrawn   bool // its aggregate waits after a refusal, so later rows of it must wait too
	size        int
	offset      int64 // in the log; only of an acknowledged row
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

// stream has the rows of one topic in a lane, in the order in which they will be in Kafka. The rows of an aggregate are
// always in the order of their versions: first the rows in flight, then the rows in the queue.
type stream struct {
	lane     *lane
	tp       broker.TopicPartition
	queue    []*row
	inFlight *inFlightBatch
	// sending reports whether the batch in flight is in a request. There is one request at a time, because Kafka does not
	// keep the order of two.
	sending    bool
	sequence   int32 // producer sequence of the next record
	batchLimit int   // most rows in the next batch; 0 means only the configured limit
	nextOffset int64 // where the next batch has to land in the log
	exact      bool  // a batch that lands above nextOffset shows that another producer has written

	leader      broker.NodeID
	leaderKnown bool // leader is known
	failures    int  // failed tries in a row
	retryAt     time.Time
	sentAt      time.Time // when a batch was last sent
	slowTries   int       // of the batch in flight, in which the time was not enough
	refusals    int       // of the batch in flight
}

// inFlightBatch is a batch that does not change until the broker has answered. A second try sends the same bytes, which
// the broker recognizes. If the rows were put into a new batch, and the first try had been written after all, the log
// would have them twice.
type inFlightBatch struct {
	batch *broker.Batch
	rows  []*row
}

// freeze makes a batch of the first rows of the queue.
func (s *stream) freeze(maxRows, maxBytes int) error {
	n, bytes := 0, 0
	if s.batchLimit > 0 {
		maxRows = min(maxRows, s.batchLimit)
	}
	records := make([]broker.Record, 0, min(maxRows, len(s.queue)))
	for n < len(s.queue) && n < maxRows {
		record := s.queue[n].record()
		if bytes += record.Size(); n > 0 && bytes > maxBytes {
			break
		}
		records = append(records, record)
		n++
	}
	batch, err := broker.EncodeBatch(s.tp, s.lane.session, s.sequence, records)
	if err != nil {
		return err
	}
	s.inFlight, s.slowTries = &inFlightBatch{batch: batch, rows: s.queue[:n:n]}, 0
	s.queue = s.queue[n:]
	return nil
}

// takeWritten takes the rows of the batch in flight out: the broker has written them, from offset on.
func (s *stream) takeWritten(offset int64) []*row {
	rows := s.inFlight.rows
	for i, r := range rows {
		r.offset = offset + int64(i)
	}
	s.nextOffset, s.exact = offset+int64(len(rows)), true
	s.sequence, s.inFlight, s.failures, s.refusals = s.inFlight.batch.NextSequence, nil, 0, 0
	s.batchLimit *= 2 // after a refusal, the batches grow to the full size step by step
	if s.batchLimit > 1<<16 {
		s.batchLimit = 0
	}
	return rows
}

// retryLater sets the time of the next try. The wait doubles with each failure in a row.
func (s *stream) retryLater(now time.Time, first, longest time.Duration) {
	wait := longest
	if s.failures < 16 {
		wait = min(first<<s.failures, longest)
	}
	s.failures++
	s.retryAt = now.Add(wait)
}

// handleRefusal handles the broker's refusal of the batch in flight. After the first refusal, the same batch is sent
// once more. After the second, its rows go back to the queue and the next batch has half the size. This may use the
// sequence numbers again, because the broker has written nothing of the batch. If a batch of one row is refused twice,
// handleRefusal returns that row.
func (s *stream) handleRefusal() *row {
	if s.refusals++; s.refusals < 2 {
		return nil
	}
	rows := s.inFlight.rows
	s.refusals = 0
	s.unfreeze()
	if len(rows) == 1 {
		return rows[0]
	}
	s.batchLimit = len(rows) / 2
	return nil
}

// unfreeze puts the rows of the batch in flight back to the front of the queue.
func (s *stream) unfreeze() {
	s.queue = append(s.inFlight.rows, s.queue...)
	s.inFlight = nil
}

// withdraw takes an aggregate's rows out of the queue and returns them. No batch may be in flight.
func (s *stream) withdraw(key string) (withdrawn []*row) {
	rest := s.queue[:0:0]
	for _, r := range s.queue {
		if r.key != key {
			rest = append(rest, r)
			continue
		}
		r.withdrawn = true
		withdrawn = append(withdrawn, r)
	}
	s.queue = rest
	return withdrawn
}

// stale reports whether the batch in flight is so old that the broker may have forgotten its earlier tries. Sending it
// again could then write it twice.
func (s *stream) stale(now time.Time, after time.Duration) bool {
	return s.inFlight != nil && now.Sub(s.inFlight.batch.EncodedAt) >= after
}
