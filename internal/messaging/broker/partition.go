package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// partition is one partition that this member reads: what a fetch loop has put into its queue, its worker takes out.
//
//	seek ─────────► ready ──fetch──► queue ──Handle──► next
//	 ▲ ▲              │ out of range, ErrReseek          │
//	 │ └──────────────┴──────────────────────────────────┘
//	 └─ halted: the position is not in the log; looked at again from time to time, never changed here
type partition struct {
	tp TopicPartition

	mu       sync.Mutex
	leader   NodeID
	ready    bool // the position is known and may be fetched from
	fetching bool // a request for it is under way
	resting  bool // the last one failed a moment ago
	seeks    int  // answers to what was asked before the last seek are dropped
	fetchAt  int64
	queue    []Fetched
	queueTo  int64 // the offset after all that is queued
	queued   int   // bytes in the queue
	next     int64 // the next offset to apply; -1 while unknown
	end      int64
	broken   int // answers in a row that could not be read
	halted   string
	alarmed  string // the reason that was last logged, until the partition gets on
	failure  string

	changed chan struct{} // wakes the worker
}

func newPartition(tp TopicPartition) *partition {
	return &partition{tp: tp, leader: noLeader, next: -1, changed: make(chan struct{}, 1)}
}

func (p *partition) state() PartitionState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PartitionState{TopicPartition: p.tp, Next: p.next, End: p.end, Halted: p.halted, Error: p.failure}
}

func (p *partition) position() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next
}

// work seeks and applies until ctx is done.
func (p *partition) work(ctx, handling context.Context, g *generation) {
	again := newBackoff(10*time.Millisecond, time.Second)
	for ctx.Err() == nil {
		switch err := p.seek(ctx, handling, g); {
		case err != nil:
			p.fail(g, "its position cannot be found", err)
			_ = again.wait(ctx)
		case p.isHalted():
			_ = pause(ctx, g.cfg.HaltRecheck)
		case p.apply(ctx, handling, g):
			again.reset()
		default:
			_ = again.wait(ctx)
		}
	}
}

func (p *partition) isHalted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.halted != ""
}

// readAgain is how a copy is mended from the log. The copy itself must stay: its versions keep what is read again from
// being taken for news, and a service from reacting a second time to what happened long ago.
func readAgain(start int64) string {
	return fmt.Sprintf("To read the log again, set the position to %d and leave the copy as it is", start)
}

// seek asks the handler for the position and makes the partition ready, or halts it when the log does not reach there.
func (p *partition) seek(ctx, handling context.Context, g *generation) error {
	start, err := g.client.StartOffset(ctx, p.tp)
	if err != nil {
		return err
	}
	next, err := g.h.Position(handling, p.tp, start)
	if err != nil {
		return fmt.Errorf("ask for the stored position: %w", err)
	}
	if next < start {
		p.halt(g, fmt.Sprintf("the stored position %d is before the log's start %d: records were deleted before they were "+
			"applied. %s, or set the position to %d if nothing is missed", next, start, readAgain(start), start))
		return nil
	}
	var end int64
	// Schedule: a new leader may for a moment believe that the log ends earlier than its predecessor said.
	for range 5 {
		if end, err = g.client.EndOffset(ctx, p.tp); err != nil || next <= end {
			break
		}
		if err = pause(ctx, 100*time.Millisecond); err != nil {
			break
		}
	}
	if err != nil {
		return err
	}
	if next > end {
		p.halt(g, fmt.Sprintf("the stored position %d is beyond the log's end %d: the topic was made anew or has lost "+
			"records. %s, or restore the topic", next, end, readAgain(start)))
		return nil
	}
	p.mu.Lock()
	p.halted, p.failure, p.broken = "", "", 0
	p.ready, p.seeks = true, p.seeks+1
	p.fetchAt, p.queueTo, p.next, p.end = next, next, next, end
	p.queue, p.queued = nil, 0
	leader := p.leader
	p.mu.Unlock()
	g.wake(leader)
	return nil
}

// apply hands over what is fetched until the partition has to be sought anew, and says whether it got anywhere.
func (p *partition) apply(ctx, handling context.Context, g *generation) (progress bool) {
	again := newBackoff(10*time.Millisecond, time.Second)
	for ctx.Err() == nil {
		from, next, records, ok := p.take(g.cfg.MaxRecords)
		if !ok {
			p.mu.Lock()
			lost := !p.ready
			p.mu.Unlock()
			if lost {
				if p.isHalted() {
					_ = pause(ctx, g.cfg.HaltRecheck)
				}
				return progress
			}
			select {
			case <-p.changed:
			case <-ctx.Done():
			}
			continue
		}
		g.wake(p.leaderNow()) // there is room again
		for ctx.Err() == nil {
			err := g.h.Handle(handling, p.tp, from, next, records)
			if err == nil {
				progress = true
				again.reset()
				p.applied(g, next)
				break
			}
			if errors.Is(err, ErrReseek) {
				p.unready()
				return progress
			}
			p.fail(g, "a batch cannot be applied, it will be offered again", err)
			_ = again.wait(ctx)
		}
	}
	return progress
}

// take takes the next batch from the queue. What lies between the records was compacted away, and belongs to it.
func (p *partition) take(most int) (from, next int64, records []Fetched, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queueTo == p.next || p.next < 0 {
		return 0, 0, nil, false
	}
	from, next, records = p.next, p.queueTo, p.queue
	if len(records) > most {
		records, p.queue = records[:most:most], records[most:]
		next = p.queue[0].Offset
	} else {
		p.queue = nil
	}
	for i := range records {
		p.queued -= records[i].Size()
	}
	return from, next, records, true
}

func (p *partition) applied(g *generation, next int64) {
	p.mu.Lock()
	p.next = next
	if p.failure != "" || p.alarmed != "" {
		g.log.Info("the partition gets on again", "partition", p.tp.String(), "offset", next)
		p.failure, p.alarmed = "", ""
	}
	p.mu.Unlock()
}

func (p *partition) leaderNow() NodeID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leader
}

func (p *partition) unready() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = false
	p.queue, p.queued, p.queueTo = nil, 0, p.next
}

// fail notes what keeps the handler from getting on, and logs it once.
func (p *partition) fail(g *generation, what string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure == "" {
		g.log.Warn(what, "partition", p.tp.String(), "offset", p.next, "error", err)
	}
	p.failure = fmt.Sprintf("%s: %v", what, err)
}

// halt stops reading until the position is put right. It is an alarm: some records may be lost to this consumer.
func (p *partition) halt(g *generation, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.alarmed != reason {
		g.log.Error("the partition is halted", "partition", p.tp.String(), "reason", reason)
	}
	p.halted, p.alarmed, p.failure, p.ready = reason, reason, "", false
}

// setLeader says whether the leader is another than before.
func (p *partition) setLeader(leader NodeID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.leader
	p.leader = leader
	return was != leader
}

// ask says where to fetch from now, if a fetch may be made, and otherwise whether one may be made soon: the worker is
// looking for the position, or has to make room.
func (p *partition) ask(node NodeID, cfg GroupConfig) (at int64, seeks int, ok, soon bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.leader != node || p.fetching || p.resting:
		return 0, 0, false, false
	case !p.ready:
		return 0, 0, false, p.halted == "" && p.failure == ""
	case len(p.queue) >= cfg.MaxRecords || p.queued >= cfg.MaxBytes:
		return 0, 0, false, true
	}
	p.fetching = true
	return p.fetchAt, p.seeks, true, false
}

// answered ends a request, whatever its answer. It returns the leader of now.
func (p *partition) answered() NodeID {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetching = false
	return p.leader
}

// deliver queues what a fetch brought.
func (p *partition) deliver(seeks int, d decoded, end int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seeks != seeks || !p.ready {
		return
	}
	p.end, p.broken = end, 0
	if d.next == p.queueTo {
		return
	}
	if len(p.queue) == 0 {
		p.queue = d.records
	} else {
		p.queue = append(p.queue, d.records...)
	}
	for i := range d.records {
		p.queued += d.records[i].Size()
	}
	p.fetchAt, p.queueTo = d.next, d.next
	p.notify()
}

// outOfRange makes the worker look at the position again, after it has applied what is queued.
func (p *partition) outOfRange(seeks int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seeks == seeks {
		p.ready = false
		p.notify()
	}
}

// unreadable halts the partition when the same bytes could not be read three times: it is not the network.
func (p *partition) unreadable(g *generation, seeks int, err error) {
	p.mu.Lock()
	p.broken++
	last := p.seeks == seeks && p.broken == 3
	p.mu.Unlock()
	if last {
		p.halt(g, fmt.Sprintf("the log cannot be read: %v", err))
		p.notify()
	}
}

// rest keeps the partition out of requests for a while, so that its error holds up no other.
func (p *partition) rest(g *generation, d time.Duration) {
	p.mu.Lock()
	p.resting = true
	p.mu.Unlock()
	time.AfterFunc(d, func() {
		p.mu.Lock()
		p.resting = false
		leader := p.leader
		p.mu.Unlock()
		g.wake(leader)
	})
}

func (p *partition) notify() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}
