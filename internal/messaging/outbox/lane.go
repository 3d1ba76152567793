package outbox

import (
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// phase is what a lane may do.
//
//	opening → ready → draining → parked → ordered → (removed when the next view of the leases shows the outcome)
//	                     any phase → lost
type phase int

const (
	opening  phase = iota // waits for its topics and a producer id
	ready                 // claims and produces
	draining              // starts nothing new, waits for what is under way
	parked                // waits until parkedUntil
	ordered               // its last order is with the lease keeper
	lost                  // somebody else has the lease, or had it
)

// lane is the relay's memory of one shard, for the life of one epoch. A new epoch is a new lane: it begins at sequence 0
// and claims anew what is pending. A lane never begins twice with the same epoch, for the broker would take its first
// batch for a repetition and drop it.
type lane struct {
	shard   int16
	epoch   int64
	session broker.ProducerSession
	phase   phase

	// rows are all rows that a claim may return and that are not to be taken up again: queued, in flight, acknowledged,
	// and settled ones until no claim that began before can come back.
	rows    map[int64]*row
	streams []*stream // in the order of the configured topics
	acked   []*row    // written, to be marked sent
	settled []*row    // marked sent or withdrawn while a claim was under way
	blocked []refusal // to be stored
	marking int       // rows that are just being marked
	kept    int       // rows queued, in flight or acknowledged
	bytes   int       // of payload in them

	// Where to read. A wake reads from where the last sweep found the top, because a transaction may commit after
	// one with a higher sequence number; the next sweep reads from 0.
	next   int64 // the next claim reads the rows after this one
	top    int64 // the highest sequence number seen
	recent int64 // the top when the last sweep began
	unread bool  // there may be rows after next
	swept  time.Time

	last        order // what follows on draining
	parkedUntil time.Time
	reason      string // why an operator has to look; "" when nobody has
}

// refusal is an event that the broker will not take.
type refusal struct {
	topic, key, reason string
	rows               []*row
}

func newLane(l lease, topics []string) *lane {
	n := &lane{shard: l.shard, epoch: l.epoch, session: broker.ProducerSession{ID: l.producerID, Epoch: int16(l.epoch)},
		rows: map[int64]*row{}}
	for _, t := range topics {
		n.streams = append(n.streams, &stream{lane: n, tp: broker.TopicPartition{Topic: t, Partition: int(l.shard)}})
	}
	return n
}

func (l *lane) lease() lease { return lease{shard: l.shard, epoch: l.epoch, producerID: l.session.ID} }

func (l *lane) stream(topic string) *stream {
	for _, s := range l.streams {
		if s.tp.Topic == topic {
			return s
		}
	}
	return nil
}

// intake is what came of a claim.
type intake struct {
	queued  int
	held    int    // rows whose predecessor is pending, but not in memory
	unknown string // a topic that is not among the configured ones
}

// admit takes up what a claim returned, in the order of the sequence numbers. cut says that the claim was cut short.
//
// A row follows its predecessor or waits for it. The schedule (H12): versions 1 to 3 of an aggregate are pending,
// version 1 lies before the place that the claim read from; versions 2 and 3 must not be sent. So a row whose
// predecessor is pending is taken up only if the predecessor is in memory, ahead of it.
func (l *lane) admit(claimed []messagingdb.ClaimPendingRow, cut bool) (in intake) {
	for i := range claimed {
		c := &claimed[i]
		l.next = c.Seq
		if _, known := l.rows[c.Seq]; known {
			continue
		}
		if c.PrevSeq != 0 && !l.precedes(c.PrevSeq) {
			in.held++
			continue
		}
		s := l.stream(c.Topic)
		if s == nil {
			in.unknown = c.Topic
			continue
		}
		r := &row{seq: c.Seq, topic: c.Topic, key: c.Key, payload: c.Payload, traceparent: c.Traceparent,
			createdAt: c.CreatedAt, wasBlocked: c.WasBlocked, size: len(c.Payload)}
		l.rows[r.seq] = r
		l.kept++
		l.bytes += r.size
		s.queue = append(s.queue, r)
		in.queued++
	}
	l.top = max(l.top, l.next)
	l.unread = cut
	return in
}

// precedes says that the row is in memory and will be, or is already, in the log before any row taken up now.
func (l *lane) precedes(seq int64) bool {
	r := l.rows[seq]
	return r != nil && !r.withdrawn
}

// readFrom makes the next claim begin again after seq.
func (l *lane) readFrom(seq int64) {
	l.next, l.unread = seq, true
}

// acknowledge takes over what the broker has written.
func (l *lane) acknowledge(s *stream) []*row {
	rows := s.written()
	l.acked = append(l.acked, rows...)
	for _, r := range rows {
		r.payload = nil
		l.bytes -= r.size
	}
	return rows
}

// withdraw takes the refused row's aggregate out, until its time comes again.
func (l *lane) withdraw(s *stream, r *row, reason string) {
	rows := s.withdraw(r.key)
	for _, r := range rows {
		l.kept--
		l.bytes -= r.size
		r.payload = nil
	}
	l.blocked = append(l.blocked, refusal{topic: r.topic, key: r.key, reason: reason, rows: rows})
}

// lose ends the lane: its successor begins with what is pending.
func (l *lane) lose() {
	l.phase, l.acked, l.blocked = lost, nil, nil
}

// settle notes that rows will no longer be claimed: marked sent, or stored as backing off. A claim that began before may
// still return them, so they are remembered until it has come back: forgotten at once, they would be sent again (seen:
// 27,900 duplicates in a drain).
func (l *lane) settle(rows []*row, claiming bool) {
	l.settled = append(l.settled, rows...)
	if !claiming {
		l.forget()
	}
}

// forget drops settled rows from memory. No claim may be under way.
func (l *lane) forget() {
	for _, r := range l.settled {
		delete(l.rows, r.seq)
	}
	l.settled = l.settled[:0]
}

// drain stops new work; order is carried out when nothing is under way any more.
func (l *lane) drain(o order) {
	if l.phase == lost || l.phase == ordered {
		return
	}
	l.phase, l.last = draining, o
}

// idle says that nothing of the lane is under way or waits to be marked.
func (l *lane) idle() bool {
	for _, s := range l.streams {
		if s.sending {
			return false
		}
	}
	return l.marking == 0 && len(l.acked) == 0 && len(l.blocked) == 0
}
