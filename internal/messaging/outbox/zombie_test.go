package outbox

import (
	"context"
	"sync"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// stuck holds one request back, as a process that is stopped in the middle of it does.
type stuck struct {
	Broker
	once             sync.Once
	reached, release chan struct{}
	batches          []*broker.Batch // of that request, once it is reached
	answered         chan []broker.Result
}

func newStuck() *stuck {
	return &stuck{reached: make(chan struct{}), release: make(chan struct{}), answered: make(chan []broker.Result, 1)}
}

func (s *stuck) Produce(ctx context.Context, batches []*broker.Batch) []broker.Result {
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

// TestZombieIsFenced replays H1: a relay is stopped just before it sends version 1, another one takes its shards over and
// publishes versions 1 and 2, and then the first one's request arrives. Compaction keeps what is written last.
func TestZombieIsFenced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kafka := newStuck()
	zombie := b.start("zombie", func(_ *Config, k Broker) Broker { kafka.Broker = k; return kafka })
	zombie.waitForShards(event.Partitions)
	b.append(message(b.products, "a", 1))
	zombie.Wake()
	<-kafka.reached
	zombie.toDatabase.cut()
	b.append(message(b.products, "a", 2))
	heir := b.start("heir")
	b.waitUntilSent()
	heir.waitForShards(event.Partitions)
	b.wantLog(b.products, "a", 1, 2)
	close(kafka.release)
	wantFenced(t, <-kafka.answered)
	b.wantLog(b.products, "a", 1, 2)
}

// TestAFasterZombieIsOvertaken is H1 in the other order: the zombie's request arrives before its heir has written
// anything, so nothing fences it yet. The heir sends all that is pending, so the log repeats a version and ends with the
// highest one; from now on the zombie is fenced.
func TestAFasterZombieIsOvertaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old, young := newStuck(), newStuck()
	zombie := b.start("zombie", func(_ *Config, k Broker) Broker { old.Broker = k; return old })
	zombie.waitForShards(event.Partitions)
	b.append(message(b.products, "a", 1))
	zombie.Wake()
	<-old.reached
	zombie.toDatabase.cut()
	b.append(message(b.products, "a", 2))
	b.start("heir", func(_ *Config, k Broker) Broker { young.Broker = k; return young })
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
