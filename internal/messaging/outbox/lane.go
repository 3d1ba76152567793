package outbox

import (
	"fmt"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// phase is the phase of a lane. doc.go has the diagram.
type phase int

const (
	phaseOpening   phase = iota // waits until its logs are checked and it has a producer id
	phaseReady                  // claims and produces
	phaseFenced                 // waits for the lease pass that shows whether its lease is lost
	phaseDraining               // starts no new work, waits for the running work
	phaseParked                 // waits until parkedUntil
	phaseOrderSent              // the lease keeper has its final order
	phaseLost                   // another instance has the lease, or had it in between
)

// lane is the relay's in-memory queue of one shard, for one epoch. A new epoch gets a new lane, which begins with
// producer sequence 0 and claims all pending rows again. There are never two lanes with the same epoch: the broker
// would take the first batch of the second lane for a repetition and drop it.
type lane struct {
	tp      broker.TopicPartition // the shard
	epoch   int64
	session broker.ProducerSession
	phase   phase
	sender

	// rows are the rows that a claim may return and that must not be queued again: rows that are queued, in flight or
	// acknowledged, and settled rows while a claim is running that began before they were settled.
	rows map[int64]*row
	// queue has the rows that wait. The rows of an aggregate are always in the order of their versions: first the rows in
	// flight, then the rows in the queue.
	queue        []*row
	acked        []*row    // acknowledged by the broker, not yet marked
	settled      []*row    // marked, or stored as blocked, while a claim was running
	blocked      []refusal // refusals that are not stored yet
	markingRows  int       // rows and refusals in the running mark
	rowCount     int       // rows that are queued, in flight, acknowledged or being marked
	payloadBytes int       // of the rows that are queued or in flight

	// Where to read. A claim after a wake reads from the highest sequence number that was known when the last sweep
	// began. It does not continue at the highest number of all: a transaction may commit after another one with a higher
	// sequence number. The next sweep reads from 0.
	readAfter      int64 // the next claim reads rows with higher sequence numbers
	highestSeen    int64 // the highest sequence number seen
	highestAtSweep int64 // highestSeen when the last sweep began
	mayHaveMore    bool  // there may be pending rows after readAfter
	sweptAt        time.Time

	verified   bool      // the logs were compared with the database, and nothing has happened since that needs another check
	checkAt    time.Time // when to check the logs next, if they are not verified
	checkRound int       // raised by recheck; the result of a check that began earlier is dropped
	fenced     string    // how the broker has fenced the lane; "" if it has not
	fencedAt   time.Time

	finalOrder  leaseOrder // sent to the lease keeper after draining
	parkedUntil time.Time  // when it sends its final order, or may request a producer id
	standing
	restsUntil time.Time // when its rest ends, if it has used up its epochs
	halt       *Halt     // why publishing is halted until an operator acts; nil if it is not
}

// refusal is an aggregate whose next event the broker refused.
type refusal struct {
	key, reason string
	rows        []*row
}

func newLane(l lease) *lane {
	return &lane{tp: l.tp, epoch: l.epoch, session: broker.ProducerSession{ID: l.producerID, Epoch: int16(l.epoch)}, rows: map[int64]*row{}}
}

func (l *lane) lease() lease { return lease{tp: l.tp, epoch: l.epoch, producerID: l.session.ID} }

// admitResult says what admit did with the rows of a claim.
type admitResult struct {
	queued     int
	skipped    int    // rows whose predecessor is pending, but not queued
	skippedRow string // one of them
}

// admit queues the rows that a claim returned, in the order of their sequence numbers. cut reports that the claim hit
// its limit, so there may be more rows.
//
// A row is queued only behind its predecessor. The schedule (H12 late commit): versions 1 to 3 of an aggregate are
// pending. Version 1 was committed late, and its sequence number is below the place that the claim read from. Then
// versions 2 and 3 must not be sent. So a row with a pending predecessor is queued only if the lane has the
// predecessor; otherwise it is skipped, and a later sweep finds both.
func (l *lane) admit(claimed []messagingdb.ClaimPendingRow, cut bool) (in admitResult) {
	for i := range claimed {
		c := &claimed[i]
		l.readAfter = c.Seq
		if _, known := l.rows[c.Seq]; known {
			continue
		}
		if c.PrevSeq != 0 && !l.precedes(c.PrevSeq) {
			in.skipped++
			in.skippedRow = fmt.Sprintf("version %d of %s", c.Version, c.Key)
			continue
		}
		r := newRow(c)
		l.rows[r.seq] = r
		l.rowCount++
		l.payloadBytes += r.size
		l.queue = append(l.queue, r)
		in.queued++
	}
	l.highestSeen = max(l.highestSeen, l.readAfter)
	l.mayHaveMore = cut
	return in
}

// precedes reports whether the lane has the row, so that it is in the log before every row that is queued from now on.
func (l *lane) precedes(seq int64) bool {
	r := l.rows[seq]
	return r != nil && !r.withdrawn
}

// readFrom makes the next claim read the rows after seq.
func (l *lane) readFrom(seq int64) {
	l.readAfter, l.mayHaveMore = seq, true
}

// acknowledge takes the batch in flight out of the lane: the broker has written it, from offset on. It returns the rows,
// to be marked.
func (l *lane) acknowledge(offset int64) []*row {
	rows := l.takeWritten(offset)
	l.acked = append(l.acked, rows...)
	for _, r := range rows {
		r.payload = nil
		l.payloadBytes -= r.size
	}
	return rows
}

// withdraw takes all rows of the refused row's aggregate out of the lane. A claim returns them when the aggregate's
// wait is over.
func (l *lane) withdraw(r *row, reason string) {
	rows := l.takeKey(r.key)
	for _, r := range rows {
		l.rowCount--
		l.payloadBytes -= r.size
		r.payload = nil
	}
	l.blocked = append(l.blocked, refusal{key: r.key, reason: reason, rows: rows})
}

// lose ends the lane. Its successor, here or in another instance, begins with the pending rows.
func (l *lane) lose() {
	l.phase, l.acked, l.blocked = phaseLost, nil, nil
}

// settle notes that claims which begin from now on do not return these rows: they are marked, or their aggregate is
// stored as blocked. A claim that began before may still return them. So the lane remembers them until that claim is
// back. Otherwise it would send them again (seen: 27,900 duplicates in one drain).
func (l *lane) settle(rows []*row, claiming bool) {
	l.settled = append(l.settled, rows...)
	if !claiming {
		l.forget()
	}
}

// forget drops settled rows from memory. No claim may be running.
func (l *lane) forget() {
	for _, r := range l.settled {
		delete(l.rows, r.seq)
	}
	l.settled = l.settled[:0]
}

// drain stops new work. The lease keeper gets the order when all running work has ended.
func (l *lane) drain(o leaseOrder) {
	if l.phase == phaseLost || l.phase == phaseOrderSent {
		return
	}
	l.phase, l.finalOrder = phaseDraining, o
}

// toMark returns how many rows and refusals wait to be marked. Before its check, a lane marks nothing: the mark would
// raise the acked end above records that the check has not compared yet. The next check marks the rows that the log has.
func (l *lane) toMark() int {
	if !l.verified {
		return 0
	}
	return len(l.acked) + len(l.blocked)
}

// idle reports whether no request and no mark is running for the lane, and nothing waits to be marked.
func (l *lane) idle() bool { return !l.sending && l.markingRows == 0 && l.toMark() == 0 }
