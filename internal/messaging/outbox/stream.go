package outbox

import (
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// row is a pending event that the relay has in memory.
type row struct {
	seq         int64
	topic, key  string
	payload     []byte
	traceparent *string
	createdAt   time.Time
	wasBlocked  bool // its aggregate has backed off before
	withdrawn   bool // its aggregate backs off: what comes behind it must wait as well
	size        int
}

// record is what Kafka gets.
func (r *row) record() broker.Record {
	headers := []broker.Header{{Key: event.HeaderContentType, Value: []byte(event.ContentType)}}
	if r.traceparent != nil {
		headers = append(headers, broker.Header{Key: event.HeaderTraceparent, Value: []byte(*r.traceparent)})
	}
	return broker.Record{Key: []byte(r.key), Value: r.payload, Time: r.createdAt, Headers: headers}
}

// stream is what a lane has for one topic: rows in the order in which they will be in the log. An aggregate's rows are
// always in the order of their versions: first those in flight, then those in the queue.
type stream struct {
	lane   *lane
	tp     broker.TopicPartition
	queue  []*row
	flight *flight
	// sending says that the flight's bytes are under way. One request at a time: Kafka does not keep the order of two.
	sending  bool
	sequence int32 // of the next record
	limit    int   // most rows in the next batch; 0: no limit but the configured one

	leader   broker.NodeID
	led      bool // leader is known
	fails    int  // tries in a row that led to nothing
	retryAt  time.Time
	refusals int // of the flight
}

// flight is a batch that is frozen until the broker has said what became of it: sent again it is the same bytes, which
// the broker recognizes. Batched anew, records that had been written after all would be in the log twice.
type flight struct {
	batch *broker.Batch
	rows  []*row
}

// freeze makes the first rows of the queue the next batch.
func (s *stream) freeze(maxRows, maxBytes int) error {
	n, bytes := 0, 0
	if s.limit > 0 {
		maxRows = min(maxRows, s.limit)
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
	s.flight = &flight{batch: batch, rows: s.queue[:n:n]}
	s.queue = s.queue[n:]
	return nil
}

// written takes the flight's rows out: the broker has them.
func (s *stream) written() []*row {
	rows := s.flight.rows
	s.sequence, s.flight, s.fails, s.refusals = s.flight.batch.NextSequence, nil, 0, 0
	s.limit *= 2 // back to the full size after a refusal, step by step
	if s.limit > 1<<16 {
		s.limit = 0
	}
	return rows
}

// failed notes a try that may be made again, after a wait that doubles each time.
func (s *stream) failed(now time.Time, first, longest time.Duration) {
	wait := longest
	if s.fails < 16 {
		wait = min(first<<s.fails, longest)
	}
	s.fails++
	s.retryAt = now.Add(wait)
}

// refused handles the broker's refusal of the flight. The first time it stays as it is, to be sent once more. Then it
// is halved: nothing of it has been written, so its sequence numbers are used again. A row that is refused twice all by
// itself is returned.
func (s *stream) refused() *row {
	if s.refusals++; s.refusals < 2 {
		return nil
	}
	rows := s.flight.rows
	s.refusals = 0
	s.dismantle()
	if len(rows) == 1 {
		return rows[0]
	}
	s.limit = len(rows) / 2
	return nil
}

// dismantle puts the rows of the flight back in front of the queue.
func (s *stream) dismantle() {
	s.queue = append(s.flight.rows, s.queue...)
	s.flight = nil
}

// withdraw takes an aggregate's rows out of the queue. The flight is not looked at: it has been dismantled.
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

// stale says that the broker may have forgotten the flight's earlier tries, so that sending it again could repeat it.
func (s *stream) stale(now time.Time, after time.Duration) bool {
	return s.flight != nil && now.Sub(s.flight.batch.EncodedAt) >= after
}
