package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// partitionPhase is what a partition does. Its worker applies what is in the queue in every phase.
type partitionPhase int

const (
	// partitionSeeking: nothing is fetched. When the queue is empty, the worker asks for the position and compares it with the log.
	partitionSeeking partitionPhase = iota
	// partitionReading: the fetch loop of the leader fills the queue.
	partitionReading
	// partitionHalted: nothing is fetched, because the position does not fit the log, or the log cannot be read. The worker
	// seeks again every HaltRecheck, and never changes the position.
	partitionHalted
)

// partition is one partition that this member reads. A fetch loop fills its queue, and its worker applies the queue.
//
//	seeking ── the position fits the log ──► reading ── takeBatch, Handle ──► the next batch
//	 ▲  │  ▲                                   │  │
//	 │  │  └── out of range, another log, or ──┘  │
//	 │  │      ErrReseek                          │
//	 │  └── does not fit ──► halted ◄─────────────┘ the log cannot be read
//	 └── HaltRecheck later ────┘
type partition struct {
	tp TopicPartition

	mu        sync.Mutex
	phase     partitionPhase
	workSince time.Time // when the worker began to look for the position, or to apply the batch that it has taken

	// fetching
	leader              NodeID
	fetching            bool        // a fetch request contains it
	backingOff          bool        // its last fetch failed a moment ago
	seekCount           int         // responses to requests from before the last seek are dropped
	log                 logIdentity // of the log that is read: the position was compared with it
	unreadableResponses int         // in a row

	// the queue
	fetchOffset   int64 // where the next fetch begins
	queue         []Fetched
	queuedBytes   int
	queueEnd      int64 // the offset after everything in the queue
	queueEndEpoch int32 // the leader epoch of the last batch before queueEnd
	next          int64 // the next offset to apply; -1 while unknown
	logEnd        int64

	// what people see
	haltCode         HaltCode
	haltReason       string // "" if it is not halted
	loggedHaltReason string // so that the same reason is logged once, until a batch is applied
	handlerFailure   string // why the handler makes no progress; "" if it does

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
	return p.phase == partitionHalted
}

// seekToPosition asks the handler for the position, and begins to read there. If the position does not fit the log, it halts
// the partition.
func (p *partition) seekToPosition(ctx, handling context.Context, g *generation) error {
	p.mu.Lock()
	p.workSince = time.Now()
	p.mu.Unlock()
	halted, wasHalted := g.status.halt(p.tp)
	if wasHalted {
		g.client.distrustLayout(p.tp.Topic) // its id may be right again
	}
	check, err := p.askForPosition(ctx, handling, g)
	if halted, is := errors.AsType[*HaltError](err); is {
		p.halt(g, halted.Code, halted.Reason)
		return nil
	}
	if err != nil {
		return err
	}
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
		if check.position.LeaderEpoch, err = check.storeEpoch(ctx, handling, store); err != nil {
			return err
		}
	}
	g.wake(p.beginReading(check))
	return nil
}

// askForPosition returns the comparison of the handler's position with the log. It returns a *HaltError if the handler halts the
// partition.
func (p *partition) askForPosition(ctx, handling context.Context, g *generation) (*logCheck, error) {
	log, err := g.client.identity(ctx, p.tp)
	if err != nil {
		return nil, err
	}
	start, err := g.client.StartOffset(ctx, p.tp)
	if err != nil {
		return nil, err
	}
	position, err := g.handler.Position(handling, p.tp, LogStart{Offset: start, TopicID: log.topicID})
	if err != nil {
		return nil, fmt.Errorf("ask for the stored position: %w", err)
	}
	return &logCheck{client: g.client, tp: p.tp, log: log, start: start, position: position}, nil
}

// beginReading makes the fetch loop of the leader, which it returns, read from the position on.
func (p *partition) beginReading(check *logCheck) (leader NodeID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.haltCode, p.haltReason, p.handlerFailure, p.unreadableResponses = "", "", "", 0
	p.phase, p.log, p.seekCount = partitionReading, check.log, p.seekCount+1
	p.queue, p.queuedBytes = nil, 0
	p.queueEnd, p.queueEndEpoch, p.logEnd = check.position.Offset, check.position.LeaderEpoch, check.end
	p.fetchOffset, p.next = check.position.Offset, check.position.Offset
	return p.leader
}

// seekAgain makes the worker seek when it has applied the queue. The caller holds the lock.
func (p *partition) seekAgain() {
	if p.phase == partitionReading {
		p.phase = partitionSeeking
		p.notify()
	}
}

// applyQueue passes the fetched records to the handler until the position has to be read again. It reports whether a batch
// was applied.
func (p *partition) applyQueue(ctx, handling context.Context, g *generation) (progress bool) {
	for ctx.Err() == nil {
		b, ok := p.takeBatch(g.cfg.MaxRecords)
		switch {
		case ok:
			g.wake(p.currentLeader()) // the queue has room again
			if !p.apply(ctx, handling, g, b) {
				return progress
			}
			progress = true
		case p.isHalted():
			_ = sleep(ctx, g.cfg.HaltRecheck)
			return progress
		case !p.isReading():
			return progress
		default:
			select {
			case <-p.wakeWorker:
			case <-ctx.Done():
			}
		}
	}
	return progress
}

func (p *partition) isReading() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.phase == partitionReading
}

// apply offers a batch to the handler until it has applied it. It reports false if the position has to be read again, or if ctx
// is done.
func (p *partition) apply(ctx, handling context.Context, g *generation, b queuedBatch) bool {
	backoff := newBackoff(10*time.Millisecond, time.Second)
	for ctx.Err() == nil {
		err := g.handler.Handle(handling, p.tp, b.from, b.next, b.records)
		if err == nil {
			p.setApplied(g, b.next.Offset)
			return true
		}
		if errors.Is(err, ErrReseek) {
			p.dropQueue()
			return false
		}
		p.setHandlerFailure(g, "a batch cannot be applied; it will be offered again", err)
		_ = backoff.wait(ctx)
	}
	return false
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
	p.seekAgain()
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
	p.phase, p.haltCode, p.haltReason, p.loggedHaltReason, p.handlerFailure = partitionHalted, code, reason, reason, ""
}

// setLog makes the worker compare the position again, after it has applied the queue, if the log is no longer the one that
// the position was compared with.
func (p *partition) setLog(log logIdentity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.log != log {
		p.seekAgain()
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
