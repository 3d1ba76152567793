package outbox

import (
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// inFlightBatch is a batch that does not change until the broker has answered. A second try sends the same bytes, which
// the broker recognizes. If the rows were put into a new batch, and the first try had been written after all, the log
// would have them twice.
type inFlightBatch struct {
	batch     *broker.Batch
	rows      []*row
	unsure    bool // a try has had no clear answer, so it may have been written
	refusals  int
	slowTries int // in which the time was not enough
}

// sender is the part of a lane that sends.
type sender struct {
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
	leaderless  bool // Kafka says that the partition has no leader
	failures    int  // tries in a row without a clear answer, or without a leader
	retryAt     time.Time
	sentAt      time.Time // when a batch was last sent
}

// hasRows reports whether the lane has rows to send.
func (l *lane) hasRows() bool { return l.inFlight != nil || len(l.queue) > 0 }

// freeze makes a batch of the first rows of the queue.
func (l *lane) freeze(maxRows, maxBytes int) error {
	n, bytes := 0, 0
	if l.batchLimit > 0 {
		maxRows = min(maxRows, l.batchLimit)
	}
	records := make([]broker.Record, 0, min(maxRows, len(l.queue)))
	for n < len(l.queue) && n < maxRows {
		record := l.queue[n].record()
		if bytes += record.Size(); n > 0 && bytes > maxBytes {
			break
		}
		records = append(records, record)
		n++
	}
	batch, err := broker.EncodeBatch(l.tp, l.session, l.sequence, records)
	if err != nil {
		return err
	}
	l.inFlight = &inFlightBatch{batch: batch, rows: l.queue[:n:n]}
	l.queue = l.queue[n:]
	return nil
}

// takeWritten takes the rows of the batch in flight out: the broker has written them, from offset on.
func (l *lane) takeWritten(offset int64) []*row {
	rows := l.inFlight.rows
	for i, r := range rows {
		r.offset = offset + int64(i)
	}
	l.nextOffset, l.exact = offset+int64(len(rows)), true
	l.sequence, l.inFlight, l.failures = l.inFlight.batch.NextSequence, nil, 0
	l.batchLimit *= 2 // after a refusal, the batches grow to the full size step by step
	if l.batchLimit > 1<<16 {
		l.batchLimit = 0
	}
	return rows
}

// retryLater sets the time of the next try. The wait doubles with each failure in a row.
func (l *lane) retryLater(now time.Time, first, longest time.Duration) {
	wait := longest
	if l.failures < 16 {
		wait = min(first<<l.failures, longest)
	}
	l.failures++
	l.retryAt = now.Add(wait)
}

// handleRefusal handles the broker's refusal of the batch in flight. After the first refusal, the same batch is sent
// once more. After the second, its rows go back to the queue and the next batch has half the size. This may use the
// sequence numbers again, because the broker has written nothing of the batch. If a batch of one row is refused twice,
// handleRefusal returns that row.
func (l *lane) handleRefusal() *row {
	if l.inFlight.refusals++; l.inFlight.refusals < 2 {
		return nil
	}
	rows := l.inFlight.rows
	l.unfreeze()
	if len(rows) == 1 {
		return rows[0]
	}
	l.batchLimit = len(rows) / 2
	return nil
}

// unfreeze puts the rows of the batch in flight back to the front of the queue.
func (l *lane) unfreeze() {
	l.queue = append(l.inFlight.rows, l.queue...)
	l.inFlight = nil
}

// takeKey takes an aggregate's rows out of the queue and returns them. No batch may be in flight.
func (l *lane) takeKey(key string) (taken []*row) {
	rest := l.queue[:0:0]
	for _, r := range l.queue {
		if r.key != key {
			rest = append(rest, r)
			continue
		}
		r.withdrawn = true
		taken = append(taken, r)
	}
	l.queue = rest
	return taken
}

// stale reports whether the batch in flight is so old that the broker may have forgotten its earlier tries. Sending it
// again could then write it twice.
func (l *lane) stale(now time.Time, after time.Duration) bool {
	return l.inFlight != nil && now.Sub(l.inFlight.batch.EncodedAt) >= after
}
