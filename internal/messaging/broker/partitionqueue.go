package broker

import (
	"fmt"
	"time"
)

// The part of a partition that its fetch loop and its worker share: its place in requests, and the queue.

// takeBatch takes the next batch from the queue. Offsets between its records were compacted away, and belong to the batch.
func (p *partition) takeBatch(maxRecords int) (from int64, next Position, records []Fetched, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queueEnd == p.next || p.next < 0 {
		return 0, Position{}, nil, false
	}
	p.workSince = time.Now()
	from, records = p.next, p.queue
	next = Position{Offset: p.queueEnd, LeaderEpoch: p.queueEndEpoch, TopicID: p.log.topicID}
	if len(records) > maxRecords {
		records, p.queue = records[:maxRecords:maxRecords], records[maxRecords:]
		last := records[maxRecords-1]
		// Not the offset of the record after it: a batch without records may be between them, with a later leader epoch.
		next.Offset, next.LeaderEpoch = last.Offset+1, last.LeaderEpoch
	} else {
		p.queue = nil
	}
	for i := range records {
		p.queuedBytes -= records[i].Size()
	}
	return from, next, records, true
}

// startFetch marks the partition as being fetched and returns what to fetch, if ok. Otherwise soon reports
// whether a fetch will soon be possible, because the worker is reading the position or making room in the queue. A worker
// that has not done so within MaxWait will take longer. It is held, or its database is slow. When it has finished, it waits
// for the running request at most as long again.
func (p *partition) startFetch(node NodeID, cfg GroupConfig) (request requestedPartition, ok, soon bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.leader != node || p.fetching || p.backingOff:
		return request, false, false
	case !p.ready:
		return request, false, p.haltReason == "" && p.worksBriefly(cfg.MaxWait)
	case len(p.queue) >= cfg.MaxRecords || p.queuedBytes >= cfg.MaxBytes:
		return request, false, p.worksBriefly(cfg.MaxWait)
	}
	p.fetching = true
	return requestedPartition{p, p.log, p.fetchOffset, p.seekCount}, true, false
}

// worksBriefly reports whether the worker makes progress. The caller holds the lock.
func (p *partition) worksBriefly(most time.Duration) bool {
	return p.handlerFailure == "" && time.Since(p.workSince) < most
}

// endFetch marks the end of a request, with or without a response. It returns the current leader.
func (p *partition) endFetch() NodeID {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetching = false
	return p.leader
}

// enqueue puts fetched records into the queue.
func (p *partition) enqueue(seekCount int, d decodedBatches, end int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seekCount != seekCount || !p.ready {
		return
	}
	p.logEnd, p.unreadableResponses = end, 0
	if d.next == p.queueEnd {
		return
	}
	if len(p.queue) == 0 {
		p.queue = d.records
	} else {
		p.queue = append(p.queue, d.records...)
	}
	for i := range d.records {
		p.queuedBytes += d.records[i].Size()
	}
	p.fetchOffset, p.queueEnd, p.queueEndEpoch = d.next, d.next, d.epoch
	p.notify()
}

// setOutOfRange makes the worker read the position again, after it has applied the queue.
func (p *partition) setOutOfRange(seekCount int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seekCount == seekCount {
		p.ready = false
		p.notify()
	}
}

// countUnreadable halts the partition after three unreadable responses in a row: then the log is damaged, not the transfer.
func (p *partition) countUnreadable(g *generation, seekCount int, err error) {
	p.mu.Lock()
	p.unreadableResponses++
	third := p.seekCount == seekCount && p.unreadableResponses == 3
	p.mu.Unlock()
	if third {
		p.halt(g, HaltLogUnreadable, fmt.Sprintf("the log cannot be read: %v", err))
		p.notify()
	}
}

// backOff leaves the partition out of requests for d, so that its error does not delay the other partitions.
func (p *partition) backOff(g *generation, d time.Duration) {
	p.mu.Lock()
	p.backingOff = true
	p.mu.Unlock()
	time.AfterFunc(d, func() {
		p.mu.Lock()
		p.backingOff = false
		leader := p.leader
		p.mu.Unlock()
		g.wake(leader)
	})
}

func (p *partition) notify() {
	select {
	case p.wakeWorker <- struct{}{}:
	default:
	}
}
