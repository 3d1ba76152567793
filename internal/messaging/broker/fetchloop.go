package broker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	// shortMaxWait is MaxWait for a fetch that leaves out a partition which will soon be ready. The partition cannot join a
	// request that has been sent, so the request must end soon.
	shortMaxWait = 10 * time.Millisecond
	// errorBackoff is how long a partition is left out of requests after an error that concerns only this partition.
	errorBackoff = 100 * time.Millisecond
)

// requestedPartition is a partition in a fetch request.
type requestedPartition struct {
	partition *partition
	log       logIdentity
	offset    int64
	seekCount int // the partition's at the time of the request
}

// fetchRequest is the content of one request to one broker.
type fetchRequest struct {
	partitions []requestedPartition
	maxWait    time.Duration
}

// fetchLoop fetches from one broker. It sends one request after the other, each with all partitions that have room.
func (g *generation) fetchLoop(ctx context.Context, node NodeID, wake <-chan struct{}, wg *sync.WaitGroup) {
	backoff := newBackoff(20*time.Millisecond, time.Second)
	part := fmt.Sprintf("fetch from broker %d", node)
	for ctx.Err() == nil {
		err := g.updateLeaders(ctx, wg)
		if node == noLeader {
			g.status.setError(g.log, part, "some partitions have no leader", err)
			if err != nil {
				_ = backoff.wait(ctx)
				continue
			}
			backoff.reset()
		}
		request := g.nextFetch(node)
		if len(request.partitions) == 0 {
			select {
			case <-wake:
			case <-ctx.Done():
			}
			continue
		}
		err = g.fetchOnce(ctx, node, request)
		if ctx.Err() != nil {
			return
		}
		g.status.setError(g.log, part, "fetching fails", err)
		if err != nil {
			_ = backoff.wait(ctx)
		} else {
			backoff.reset()
		}
	}
}

// nextFetch returns the next request to a broker, and marks its partitions as being fetched. Each time another partition
// comes first: if records are large, only the first partition that has some is sure to get any.
func (g *generation) nextFetch(node NodeID) fetchRequest {
	g.mu.Lock()
	g.rotation++
	first := g.rotation
	g.mu.Unlock()
	request := fetchRequest{maxWait: g.cfg.MaxWait}
	for i := range g.partitions {
		g.partitions[(first+i)%len(g.partitions)].addTo(&request, node, g.cfg)
	}
	return request
}

// fetchOnce sends a request and hands each partition its part of the response.
func (g *generation) fetchOnce(ctx context.Context, node NodeID, request fetchRequest) error {
	responses, err := g.sendFetch(ctx, node, request)
	requested := make(map[TopicPartition]requestedPartition, len(request.partitions))
	for _, r := range request.partitions {
		requested[r.partition.tp] = r
	}
	for _, response := range responses {
		if r, ok := requested[response.tp]; ok {
			g.handleResponse(r, response)
		}
	}
	for _, r := range request.partitions {
		if err != nil {
			g.client.distrustLayout(r.partition.tp.Topic)
		}
		if leader := r.partition.endFetch(); leader != node {
			g.wake(leader)
		}
	}
	return err
}

func (g *generation) sendFetch(ctx context.Context, node NodeID, request fetchRequest) ([]partitionResponse, error) {
	address, err := g.client.address(node)
	if err != nil {
		return nil, err
	}
	requests := make([]partitionRequest, len(request.partitions))
	for i, r := range request.partitions {
		requests[i] = partitionRequest{r.partition.tp, r.log, r.offset}
	}
	return g.client.fetch(ctx, address, requests, request.maxWait, g.cfg.MaxBytes)
}

// handleResponse queues what was fetched of one partition, or handles the partition's error.
func (g *generation) handleResponse(r requestedPartition, response partitionResponse) {
	var err error
	switch response.errorCode {
	case 0:
		// Decompressed, the records may be larger than what was asked for. The rest is fetched again.
		var d decodedBatches
		d, err = decodeBatches(response.batches, r.offset, 4*g.cfg.MaxBytes)
		if err == nil || d.next > r.offset {
			r.partition.enqueue(r.seekCount, d, response.logEnd) // records before a damaged batch are applied first
			err = nil
		} else {
			r.partition.countUnreadable(g, r.seekCount, err)
		}
	case kafka.OffsetOutOfRange:
		r.partition.setOutOfRange(r.seekCount)
	default: // most often, the leader has moved, or leads in another epoch
		g.client.distrustLayout(response.tp.Topic)
		err = response.errorCode
	}
	g.status.setError(g.log, response.tp.String(), "a partition cannot be fetched", err)
	if err != nil {
		r.partition.backOff(g, errorBackoff)
	}
}
