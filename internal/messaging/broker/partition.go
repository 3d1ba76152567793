package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// partition is one partition that this member reads. A fetch loop fills its queue, and its worker applies the queue.
//
//	           Position              fetch                Handle
//	seeking ─────────────► ready ─────────────► queued ─────────────► applied: the next batch
//	 │   ▲                   │ out of range, or   │ ErrReseek
//	 │   │                   │ another log        │
//	 │   └───────────────────┴────────────────────┘
//	 ▼
//	halted: the position does not fit the log, or the log cannot be read. The worker asks for the position again every
//	HaltRecheck, and never changes it.
type partition struct {
	tp TopicPartition

	mu         sync.Mutex
	leader     NodeID
	ready      bool      // the position is known, so the partition may be fetched
	fetching   bool      // a fetch request contains it
	backingOff bool      // its last fetch failed a moment ago
	workSince  time.Time // when the worker began to look for the position, or to apply the batch that it has taken
	seekCount  int       // responses to requests from before the last seek are dropped

	fetchOffset int64 // where the next fetch begins
	queue       []Fetched
	queuedBytes int
	queueEnd    int64 // the offset after everything in the queue
	next        int64 // the next offset to apply; -1 while unknown
	logEnd      int64

	queueEndEpoch int32       // the leader epoch of the last batch before queueEnd
	log           logIdentity // of the log that is read: the position was compared with it

	unreadableResponses int // in a row
	haltCode            HaltCode
	haltReason          string // "" if it is not halted
	loggedHaltReason    string // so that the same reason is logged once, until a batch is applied
	handlerFailure      string // why the handler makes no progress; "" if it does

	wakeWorker chan struct{}
}

func newPartition(tp TopicPartition) *partition {
	return &partition{tp: tp, leader: noLeader, next: -1, workSince: time.Now(), wakeWorker: make(chan struct{}, 1)}
}

func (p *partition) state() PartitionState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PartitionState{TopicPartition: p.tp, Next: p.next, End: p.logEnd, Halted: p.haltReason, HaltCode: p.haltCode, Error: p.handlerFailure}
}

func (p *partition) position() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next
}

// run is the worker. It finds the position and applies records until ctx is done. Calls of the handler get the context
// handling, which ends later.
func (p *partition) run(ctx, handling context.Context, g *generation) {
	backoff := newBackoff(10*time.Millisecond, time.Second)
	for ctx.Err() == nil {
		switch err := p.seekToPosition(ctx, handling, g); {
		case err != nil:
			p.setHandlerFailure(g, "its position cannot be found", err)
			_ = backoff.wait(ctx)
		case p.isHalted():
			_ = sleep(ctx, g.cfg.HaltRecheck)
		case p.applyQueue(ctx, handling, g):
			backoff.reset()
		default:
			_ = backoff.wait(ctx)
		}
	}
}

func (p *partition) isHalted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.haltReason != ""
}

// seekToPosition asks the handler for the position, and makes the partition ready. If the position does not fit the log, it
// halts the partition.
func (p *partition) seekToPosition(ctx, handling context.Context, g *generation) error {
	p.mu.Lock()
	p.workSince = time.Now()
	p.mu.Unlock()
	halted, wasHalted := g.status.halt(p.tp)
	if wasHalted {
		g.client.distrustLayout(p.tp.Topic) // its id may be right again
	}
	log, err := g.client.identity(ctx, p.tp)
	if err != nil {
		return err
	}
	start, err := g.client.StartOffset(ctx, p.tp)
	if err != nil {
		return err
	}
	position, err := g.handler.Position(handling, p.tp, LogStart{Offset: start, TopicID: log.topicID})
	if halted, is := errors.AsType[*HaltError](err); is {
		p.halt(g, halted.Code, halted.Reason)
		return nil
	}
	if err != nil {
		return fmt.Errorf("ask for the stored position: %w", err)
	}
	check := &logCheck{client: g.client, tp: p.tp, log: log, start: start, position: position}
	fault, err := check.run(ctx)
	if err != nil {
		return err
	}
	if fault == nil && wasHalted && !check.ends(halted) {
		fault = &halted
	}
	g.status.setHalt(p.tp, fault)
	if fault != nil {
		p.halt(g, fault.code, fault.reason)
		return nil
	}
	if store, ok := g.handler.(EpochStore); ok {
		if position.LeaderEpoch, err = check.storeEpoch(ctx, handling, store); err != nil {
			return err
		}
	}
	p.mu.Lock()
	p.haltCode, p.haltReason, p.handlerFailure, p.unreadableResponses = "", "", "", 0
	p.ready, p.seekCount, p.log = true, p.seekCount+1, log
	p.fetchOffset, p.queueEnd, p.queueEndEpoch = position.Offset, position.Offset, position.LeaderEpoch
	p.next, p.logEnd = position.Offset, check.end
	p.queue, p.queuedBytes = nil, 0
	leader := p.leader
	p.mu.Unlock()
	g.wake(leader)
	return nil
}

// applyQueue passes the fetched records to the handler until the position has to be read again. It reports whether a batch
// was applied.
func (p *partition) applyQueue(ctx, handling context.Context, g *generation) (progress bool) {
	backoff := newBackoff(10*time.Millisecond, time.Second)
	for ctx.Err() == nil {
		from, next, records, ok := p.takeBatch(g.cfg.MaxRecords)
		if !ok {
			p.mu.Lock()
			lost := !p.ready
			p.mu.Unlock()
			if lost {
				if p.isHalted() {
					_ = sleep(ctx, g.cfg.HaltRecheck)
				}
				return progress
			}
			select {
			case <-p.wakeWorker:
			case <-ctx.Done():
			}
			continue
		}
		g.wake(p.currentLeader()) // the queue has room again
		for ctx.Err() == nil {
			err := g.handler.Handle(handling, p.tp, from, next, records)
			if err == nil {
				progress = true
				backoff.reset()
				p.setApplied(g, next.Offset)
				break
			}
			if errors.Is(err, ErrReseek) {
				p.dropQueue()
				return progress
			}
			p.setHandlerFailure(g, "a batch cannot be applied; it will be offered again", err)
			_ = backoff.wait(ctx)
		}
	}
	return progress
}

func (p *partition) setApplied(g *generation, next int64) {
	p.mu.Lock()
	p.next = next
	if p.handlerFailure != "" || p.loggedHaltReason != "" {
		g.log.Info("the partition makes progress again", "partition", p.tp.String(), "offset", next)
		p.handlerFailure, p.loggedHaltReason = "", ""
	}
	p.mu.Unlock()
}

func (p *partition) currentLeader() NodeID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leader
}

func (p *partition) dropQueue() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = false
	p.queue, p.queuedBytes, p.queueEnd = nil, 0, p.next
}

// setHandlerFailure stores why the handler makes no progress, and logs it once.
func (p *partition) setHandlerFailure(g *generation, what string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.handlerFailure == "" {
		g.log.Warn(what, "partition", p.tp.String(), "offset", p.next, "error", err)
	}
	p.handlerFailure = fmt.Sprintf("%s: %v", what, err)
}

// halt stops reading until an operator corrects the position. It is an alarm: this consumer may have missed records.
func (p *partition) halt(g *generation, code HaltCode, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.loggedHaltReason != reason {
		g.log.Error("the partition is halted", "partition", p.tp.String(), "code", code, "reason", reason)
	}
	p.haltCode, p.haltReason, p.loggedHaltReason, p.handlerFailure, p.ready = code, reason, reason, "", false
}

// setLog makes the worker compare the position again, after it has applied the queue, if the log is no longer the one that
// the position was compared with.
func (p *partition) setLog(log logIdentity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ready && p.log != log {
		p.ready = false
		p.notify()
	}
}

// setLeader reports whether the leader has changed.
func (p *partition) setLeader(leader NodeID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.leader
	p.leader = leader
	return was != leader
}
