package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// sizeLimitedBroker refuses batches that are larger than its limit, as for a topic with a small max.message.bytes.
type sizeLimitedBroker struct {
	Broker
	mu    sync.Mutex
	limit int
}

func (p *sizeLimitedBroker) Produce(ctx context.Context, batches []*broker.Batch) []broker.Result {
	p.mu.Lock()
	limit := p.limit
	p.mu.Unlock()
	results := make([]broker.Result, len(batches))
	var good []*broker.Batch
	var at []int
	for i, batch := range batches {
		if batch.Bytes() > limit {
			results[i].Err = &broker.Error{TP: batch.TP, Code: 10, Verdict: broker.Refused, Err: errors.New("message too large")}
			continue
		}
		good, at = append(good, batch), append(at, i)
	}
	if len(good) > 0 {
		for i, r := range p.Broker.Produce(ctx, good) {
			results[at[i]] = r
		}
	}
	return results
}

func (p *sizeLimitedBroker) setLimit(limit int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = limit
}

// TestPoisonDelaysOnlyItsAggregate: one of many events in a partition is too large for the topic. Other aggregates do
// not wait for it.
func TestPoisonDelaysOnlyItsAggregate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var sick string
	var healthy []string
	for i := 0; len(healthy) < 5; i++ { // aggregates of one partition
		key := fmt.Sprint("key-", i)
		switch {
		case event.Partition([]byte(key), event.Partitions) != 3:
		case sick == "":
			sick = key
		default:
			healthy = append(healthy, key)
		}
	}
	poison := message(b.products, sick, 2)
	poison.Payload = append(poison.Payload, make([]byte, 5000)...)
	msgs := []event.Message{message(b.products, sick, 1)}
	for v := range int64(20) {
		for _, key := range healthy {
			msgs = append(msgs, message(b.products, key, v+1))
		}
		if v == 5 {
			msgs = append(msgs, poison, message(b.products, sick, 3))
		}
	}
	b.append(msgs...)
	kafka := &sizeLimitedBroker{limit: 4000}
	relay := b.start("a", func(_ *Config, k Broker) Broker { kafka.Broker = k; return kafka })
	kafkatest.Eventually(t, "all but the poisoned aggregate is sent", func() bool { return b.pending() == 2 })
	for _, key := range healthy {
		b.wantHistory(b.products, key, 20)
	}
	b.wantLog(b.products, sick, 1)
	kafkatest.Eventually(t, "it was tried again", func() bool {
		s, err := ReadStatus(t.Context(), b.pool)
		return err == nil && len(s.Blocked) == 1 && s.Blocked[0].Attempts >= 3 && s.Blocked[0].Key == sick && s.Blocked[0].LastError != ""
	})
	// The refused event must not delay later events of other aggregates either.
	b.append(message(b.products, sick, 4), message(b.products, healthy[0], 21))
	relay.Wake()
	kafkatest.Eventually(t, "a healthy aggregate is published", func() bool { return len(b.log(b.products, healthy[0])) == 21 })
	b.wantLog(b.products, sick, 1)
	kafka.setLimit(1 << 20) // the operator allows larger messages
	b.waitUntilSent()
	b.wantHistory(b.products, sick, 4)
	if s, err := ReadStatus(t.Context(), b.pool); err != nil || len(s.Blocked) != 0 {
		t.Errorf("blocked after all is sent: %+v, %v", s.Blocked, err)
	}
}

// TestBrokerVerdicts: the leader of one partition answers twice with an error. Afterwards all events are published in
// order.
func TestBrokerVerdicts(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]int16{
		"no leader": 5, "not the leader": 6, "timed out": 7, "not enough replicas": 19, "corrupt": 2, "invalid record": 87,
		"sequence out of order": 45, "not authorized": 29,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			relay := b.start("a")
			b.append(versions(b.products, "a", 1, 2)...)
			b.waitUntilSent()
			b.kafka.RefuseProduce(b.partition(b.products, "a"), code, 2)
			for v := range int64(5) {
				b.append(message(b.products, "a", v+3), message(b.products, "other", v+1))
				relay.Wake()
			}
			b.waitUntilSent()
			b.wantHistory(b.products, "a", 7)
			b.wantLog(b.products, "other", 1, 2, 3, 4, 5)
			kafkatest.Eventually(t, "all shards are at work", func() bool {
				s := relay.State()
				return len(s.Shards) == allShards && len(s.Halted) == 0
			})
		})
	}
}

// refusing starts a relay whose broker refuses version 2 of an aggregate. Version 3 waits behind it.
func (b *bundle) refusing(t *testing.T) *sizeLimitedBroker {
	t.Helper()
	poison := message(b.products, "sick", 2)
	poison.Payload = append(poison.Payload, make([]byte, 5000)...)
	b.append(message(b.products, "sick", 1), poison, message(b.products, "sick", 3))
	kafka := &sizeLimitedBroker{limit: 4000}
	b.start("a", func(c *Config, k Broker) Broker {
		kafka.Broker, c.BlockMin, c.BlockMax = k, time.Hour, time.Hour
		return kafka
	})
	kafkatest.Eventually(t, "an event is refused", func() bool { return b.number(`SELECT count(*) FROM outbox_blocked`) == 1 })
	b.wantLog(b.products, "sick", 1)
	return kafka
}

// An operator does not wait for the next try.
func TestRetryRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	kafka := b.refusing(t)
	kafka.setLimit(1 << 20)
	retry := func(topic, key string) (aggregates []BlockedAggregate) {
		if err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) (err error) {
			aggregates, err = RetryRefused(t.Context(), tx, topic, key)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return aggregates
	}
	if got := append(retry(b.markets, ""), retry("", "another")...); len(got) != 0 {
		t.Errorf("others: %+v", got)
	}
	if got := retry(b.products, ""); len(got) != 1 || got[0].Key != "sick" || got[0].Attempts != 1 || got[0].LastError == "" {
		t.Errorf("got %+v", got)
	}
	b.waitUntilSent()
	b.wantLog(b.products, "sick", 1, 2, 3)
}

// An operator gives up a refused event. The next one of its aggregate goes on.
func TestDiscardRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.refusing(t)
	discard := func(key string) (e ListedEvent, err error) {
		err = pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) (err error) {
			e, err = DiscardRefused(t.Context(), tx, b.products, key)
			return err
		})
		return e, err
	}
	if _, err := discard("healthy"); !errors.Is(err, ErrNotBlocked) {
		t.Errorf("no refused event: %v", err)
	}
	e, err := discard("sick")
	if err != nil || e.Version != 2 || !e.Discarded || e.Sent {
		t.Fatalf("discarded %+v, %v", e, err)
	}
	if _, err := discard("sick"); !errors.Is(err, ErrNotBlocked) {
		t.Errorf("a second time: %v", err)
	}
	b.waitUntilSent()
	b.wantLog(b.products, "sick", 1, 3)
	events, err := ListEvents(t.Context(), b.pool, EventFilter{Limit: 10})
	if err != nil || len(events) != 3 || events[1].Sent || !events[1].Discarded || !events[0].Sent || events[0].Discarded {
		t.Errorf("listed %+v, %v", events, err)
	}
}
