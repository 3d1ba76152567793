package broker_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// copies is the database that the members of a group share: the positions, and the applied records.
type copies struct {
	mu        sync.Mutex
	positions map[broker.TopicPartition]broker.Position
	applied   map[broker.TopicPartition][]broker.Fetched
	largest   int
	asked     int                                                                                 // how often Position was called
	before    func(ctx context.Context, tp broker.TopicPartition, records []broker.Fetched) error // runs before each Handle
}

func newCopies() *copies {
	return &copies{positions: map[broker.TopicPartition]broker.Position{}, applied: map[broker.TopicPartition][]broker.Fetched{}}
}

func (c *copies) Position(_ context.Context, tp broker.TopicPartition, log broker.LogStart) (broker.Position, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if _, ok := c.positions[tp]; !ok {
		c.positions[tp] = log.Position()
	}
	return c.positions[tp], nil
}

func (c *copies) Handle(ctx context.Context, tp broker.TopicPartition, from int64, next broker.Position, records []broker.Fetched) error {
	c.mu.Lock()
	before := c.before
	c.mu.Unlock()
	if before != nil {
		if err := before(ctx, tp, records); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.positions[tp].Offset != from {
		return broker.ErrReseek
	}
	c.positions[tp] = next
	c.applied[tp] = append(c.applied[tp], records...)
	c.largest = max(c.largest, len(records))
	return nil
}

func (c *copies) set(tp broker.TopicPartition, offset int64) { c.setPosition(tp, broker.At(offset)) }

func (c *copies) setPosition(tp broker.TopicPartition, p broker.Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.positions[tp] = p
}

func (c *copies) stored(tp broker.TopicPartition) broker.Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.positions[tp]
}

// awaitRechecks waits until the positions have been asked for several times more.
func (c *copies) awaitRechecks(t *testing.T) {
	t.Helper()
	asked := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.asked
	}
	before := asked()
	kafkatest.Eventually(t, "the position is asked for again", func() bool { return asked() >= before+5 })
}

func (c *copies) position(tp broker.TopicPartition) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.positions[tp].Offset
}

func (c *copies) values(tp broker.TopicPartition) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, r := range c.applied[tp] {
		out = append(out, string(r.Value))
	}
	return out
}

func (c *copies) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, records := range c.applied {
		n += len(records)
	}
	return n
}

// consume runs a member until stop is called or the test ends.
func (b *bundle) consume(t *testing.T, client *broker.Client, cfg broker.GroupConfig, h broker.PartitionHandler) (stop func()) {
	t.Helper()
	if cfg.GroupID == "" {
		cfg.GroupID = b.Topic("group")
	}
	if cfg.Topics == nil {
		cfg.Topics = []string{b.topic}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- client.Consume(ctx, cfg, h) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("Consume does not end")
		}
	})
	t.Cleanup(stop)
	return stop
}

func (b *bundle) state(client *broker.Client) broker.GroupState {
	state, _ := client.GroupState(b.Topic("group"))
	return state
}

func (b *bundle) write(t *testing.T, partition int, values ...string) {
	t.Helper()
	var records []broker.Record
	for _, v := range values {
		records = append(records, broker.Record{Key: []byte("key"), Value: []byte(v), Time: time.Now()})
	}
	b.Write(t, b.tp(partition), records...)
}

func numbers(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}
