package broker

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	// shortWait is how long a broker may hold a fetch that leaves out a partition whose worker will be ready soon: it
	// cannot join the request under way, so that has to end soon.
	shortWait = 10 * time.Millisecond
	// errorRest is how long a partition is left out after an error that concerns it alone.
	errorRest = 100 * time.Millisecond
)

// asked is a partition in a request.
type asked struct {
	p     *partition
	seeks int
}

// fetchFrom fetches from one broker, one request after the other with all partitions that have room.
func (g *generation) fetchFrom(ctx context.Context, node NodeID, wake <-chan struct{}, wg *sync.WaitGroup) {
	again := newBackoff(20*time.Millisecond, time.Second)
	about := fmt.Sprintf("fetch from broker %d", node)
	for ctx.Err() == nil {
		err := g.route(ctx, wg)
		if node == noLeader {
			g.status.setError(g.log, about, "some partitions have no leader", err)
			if err != nil {
				_ = again.wait(ctx)
				continue
			}
			again.reset()
		}
		wants, parts, soon := g.ready(node)
		if len(wants) == 0 {
			select {
			case <-wake:
			case <-ctx.Done():
			}
			continue
		}
		wait := g.cfg.MaxWait
		if soon {
			wait = shortWait
		}
		err = g.fetchOnce(ctx, node, wants, parts, wait)
		if ctx.Err() != nil {
			return
		}
		g.status.setError(g.log, about, "fetching fails", err)
		if err != nil {
			_ = again.wait(ctx)
		} else {
			again.reset()
		}
	}
}

// ready lists the partitions to ask a broker for, each time with another one first: only the first that has records is
// sure to get any, if they are large.
func (g *generation) ready(node NodeID) (wants []want, parts map[TopicPartition]asked, soon bool) {
	g.mu.Lock()
	g.rotated++
	first := g.rotated
	g.mu.Unlock()
	parts = map[TopicPartition]asked{}
	for i := range g.parts {
		p := g.parts[(first+i)%len(g.parts)]
		at, seeks, ok, waits := p.ask(node, g.cfg)
		soon = soon || waits
		if ok {
			wants = append(wants, want{p.tp, at})
			parts[p.tp] = asked{p, seeks}
		}
	}
	return wants, parts, soon
}

func (g *generation) fetchOnce(ctx context.Context, node NodeID, wants []want, parts map[TopicPartition]asked,
	wait time.Duration,
) error {
	answers, err := g.fetchAnswers(ctx, node, wants, wait)
	from := map[TopicPartition]int64{}
	for _, w := range wants {
		from[w.tp] = w.from
	}
	for _, a := range answers {
		if to, ok := parts[a.tp]; ok {
			g.take(to, a, from[a.tp])
		}
	}
	for tp, a := range parts {
		if err != nil {
			g.client.forget(tp.Topic)
		}
		if leader := a.p.answered(); leader != node {
			g.wake(leader)
		}
	}
	return err
}

func (g *generation) fetchAnswers(ctx context.Context, node NodeID, wants []want, wait time.Duration) ([]got, error) {
	address, err := g.client.address(node)
	if err != nil {
		return nil, err
	}
	return g.client.fetch(ctx, address, wants, wait, g.cfg.MaxBytes)
}

// take does with a partition's answer what is due.
func (g *generation) take(to asked, a got, from int64) {
	var err error
	switch a.code {
	case 0:
		// Inflated, what a fetch brought may be larger than what was asked for: the rest is fetched again.
		var d decoded
		if d, err = decodeBatches(a.data, from, 4*g.cfg.MaxBytes); err == nil || d.next > from {
			to.p.deliver(to.seeks, d, a.end) // what was read before the damage is applied first
			err = nil
		} else {
			to.p.unreadable(g, to.seeks, err)
		}
	case kafka.OffsetOutOfRange:
		to.p.outOfRange(to.seeks)
	default: // most often the leader has moved
		g.client.forget(a.tp.Topic)
		err = a.code
	}
	g.status.setError(g.log, a.tp.String(), "a partition cannot be fetched", err)
	if err != nil {
		to.p.rest(g, errorRest)
	}
}
