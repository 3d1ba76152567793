package broker

import (
	"fmt"
	"time"
)

// The part of a partition that its fetch loop and its worker share: its place in requests, and the queue.

// queuedBatch is what the worker applies at once. Offsets between its records were compacted away, and belong to the batch.
type queuedBatch struct {
	from    int64
	next    Position // after the batch
	records []Fetched
}

// takeBatch takes the next batch from the queue, if there is one.
func (p *partition) takeBatch(maxRecords int) (b queuedBatch, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queueEnd == p.next || p.next < 0 {
		return b, false
	}
	p.workSince = time.Now()
	b = queuedBatch{p.next, Position{Offset: p.queueEnd, LeaderEpoch: p.queueEndEpoch, TopicID: p.log.topicID}, p.queue}
	if len(b.records) > maxRecords {
		b.records, p.queue = p.queue[:maxRecords:maxRecords], p.queue[maxRecords:]
		last := b.records[maxRecords-1]
		// Not the offset of the record after it: a batch without records may be between them, with a later leader epoch.
		b.next.Offset, b.next.LeaderEpoch = last.Next(), last.LeaderEpoch
	} else {
		p.queue = nil
	}
	for i := range b.records {
		p.queuedBytes -= b.records[i].Size()
	}
	return b, true
}

// fetchability says whether a partition may be in the next request to a broker.
type fetchability int

const (
	fetchNow   fetchability = iota
	fetchSoon               // the worker is looking for the position, or is making room in the queue
	fetchLater              // something else has to happen first
)

// canBeFetched reports whether the partition may be in the next request to a broker. A worker that has not made room, or found
// the position, within MaxWait will take longer. It is held, or its database is slow. When it has finished, it waits for the
// running request at most as long again.
func (p *partition) canBeFetched(node NodeID, cfg GroupConfig) fetchability {
	full := len(p.queue) >= cfg.MaxRecords || p.queuedBytes >= cfg.MaxBytes
	switch {
	case p.leader != node || p.fetching || p.backingOff || p.phase == partitionHalted:
		return fetchLater
	case p.phase == partitionReading && !full:
		return fetchNow
	case p.worksBriefly(cfg.MaxWait):
		return fetchSoon
	default:
		return fetchLater
	}
}

// addTo adds the partition to a request to a broker if it can be fetched now.
func (p *partition) addTo(request *fetchRequest, node NodeID, cfg GroupConfig) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.canBeFetched(node, cfg) {
	case fetchNow:
		p.fetching = true
		request.partitions = append(request.partitions, requestedPartition{p, p.log, p.fetchOffset, p.seekCount})
	case fetchSoon:
		request.maxWait = shortMaxWait
	case fetchLater:
	}
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
	if p.seekCount != seekCount || p.phase != partitionReading {
		return
	}
	p.logEnd, p.unreadableResponses = end, 0
	if d.next == p.queueEnd {
		return
	}
	arrived := time.Now()
	for i := range d.records {
		d.records[i].Arrived = arrived
		p.queuedBytes += d.records[i].Size()
	}
	if len(p.queue) == 0 {
		p.queue = d.records
	} else {
		p.queue = append(p.queue, d.records...)
	}
	p.fetchOffset, p.queueEnd, p.queueEndEpoch = d.next, d.next, d.epoch
	p.notify()
}

// setOutOfRange makes the worker read the position again, after it has applied the queue.
func (p *partition) setOutOfRange(seekCount int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seekCount == seekCount {
		p.seekAgain()
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
