package outbox

import (
	"context"
	"sync"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// pausedBroker holds the first request back, like a process that is paused just before it sends it.
type pausedBroker struct {
	Broker
	once             sync.Once
	reached, release chan struct{}
	batches          []*broker.Batch // of that request, set before reached is closed
	answered         chan []broker.Result
}

func newPausedBroker() *pausedBroker {
	return &pausedBroker{reached: make(chan struct{}), release: make(chan struct{}), answered: make(chan []broker.Result, 1)}
}

func (s *pausedBroker) Produce(ctx context.Context, batches []*broker.Batch) []broker.Result {
	first := false
	s.once.Do(func() { first = true })
	if !first {
		return s.Broker.Produce(ctx, batches)
	}
	s.batches = batches
	close(s.reached)
	<-s.release
	results := s.Broker.Produce(context.WithoutCancel(ctx), batches)
	s.answered <- results
	return results
}

// TestZombieIsFenced replays H1 zombie relay: a relay is paused just before it sends version 1. Another relay takes its
// shards over and publishes versions 1 and 2. Then the request of the first relay arrives. Compaction would keep the
// last record of the key.
func TestZombieIsFenced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kafka := newPausedBroker()
	zombie := b.start("zombie", func(_ *Config, k Broker) Broker { kafka.Broker = k; return kafka })
	zombie.waitForShards(allShards)
	b.append(message(b.products, "a", 1))
	zombie.Wake()
	<-kafka.reached
	zombie.toDatabase.cut()
	b.append(message(b.products, "a", 2))
	successor := b.start("successor")
	b.waitUntilSent()
	successor.waitForShards(allShards)
	b.wantLog(b.products, "a", 1, 2)
	close(kafka.release)
	wantFenced(t, <-kafka.answered)
	b.wantLog(b.products, "a", 1, 2)
}

// TestAFasterZombieIsOvertaken replays H1 zombie relay in the other order: the zombie's request arrives before its
// successor has written anything, so the broker does not fence it yet. The successor sends all pending rows, so the log
// has a version twice and ends with the highest one. From then on the zombie is fenced.
func TestAFasterZombieIsOvertaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old, young := newPausedBroker(), newPausedBroker()
	zombie := b.start("zombie", func(_ *Config, k Broker) Broker { old.Broker = k; return old })
	zombie.waitForShards(allShards)
	b.append(message(b.products, "a", 1))
	zombie.Wake()
	<-old.reached
	zombie.toDatabase.cut()
	b.append(message(b.products, "a", 2))
	b.start("successor", func(_ *Config, k Broker) Broker { young.Broker = k; return young })
	<-young.reached
	close(old.release)
	for _, r := range <-old.answered {
		if r.Err != nil {
			t.Errorf("the zombie was not faster: %v", r.Err)
		}
	}
	close(young.release)
	b.waitUntilSent()
	b.wantLog(b.products, "a", 1, 1, 2)
	wantFenced(t, old.Broker.Produce(t.Context(), old.batches))
	b.wantLog(b.products, "a", 1, 1, 2)
}

func wantFenced(t *testing.T, results []broker.Result) {
	t.Helper()
	for _, r := range results {
		if broker.VerdictOf(r.Err) != broker.Fenced {
			t.Errorf("the zombie's request was answered with %v, want it fenced", r.Err)
		}
	}
}
