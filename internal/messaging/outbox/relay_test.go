//go:build !realkafka

package outbox

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

func TestPublishesCommittedEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled}))
	before := time.Now().Add(-time.Second)
	m := message(b.products, "a", 1)
	if err := pgx.BeginFunc(ctx, b.pool, func(tx pgx.Tx) error { return Append(ctx, tx, m) }); err != nil {
		t.Fatal(err)
	}
	relay.Wake()
	b.waitUntilSent()
	log := b.kafka.Log(t, broker.TopicPartition{Topic: b.products, Partition: event.Partition([]byte("a"), event.Partitions)})
	if len(log) != 1 {
		t.Fatalf("%d records, want 1", len(log))
	}
	r := log[0]
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	if headers["content-type"] != "application/cloudevents+json" || headers["ce_id"] != m.ID.String() ||
		headers["traceparent"] != "00-01000000000000000000000000000000-0200000000000000-01" {
		t.Errorf("headers %v", headers)
	}
	if string(r.Key) != "a" || string(r.Value) != "a/1" || r.Time.Before(before) || r.Time.After(time.Now()) {
		t.Errorf("record %s=%s at %v", r.Key, r.Value, r.Time)
	}
}

func TestRolledBackChangesAreNotPublished(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start("a")
	tx, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := Append(t.Context(), tx, message(b.products, "a", 1)); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.append(message(b.products, "a", 1), message(b.markets, "b", 1))
	b.waitUntilSent()
	b.wantLog(b.products, "a", 1)
	b.wantLog(b.markets, "b", 1)
}

// TestManyWriters: many writers change a few aggregates concurrently while two relays share the shards.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.start("a"), b.start("b")
	const writers, changes, keys = 8, 60, 10
	var counts [keys]int64
	var locks [keys]sync.Mutex // the row locks of the aggregates
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range changes {
				k := (w + i) % keys
				func() {
					locks[k].Lock()
					defer locks[k].Unlock()
					counts[k]++
					b.append(message(b.topics()[k%2], fmt.Sprint("key-", k), counts[k]))
				}()
				first.Wake()
				second.Wake()
			}
		})
	}
	wg.Wait()
	b.waitUntilSent()
	for k := range keys {
		b.wantHistory(b.topics()[k%2], fmt.Sprint("key-", k), counts[k])
	}
}

// TestSendsOnceWhileNothingFails fails if a lane forgets a row while a running claim can still return it.
func TestSendsOnceWhileNothingFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a", func(c *Config, k Broker) Broker { c.ClaimRows = 60; c.MarkRest = -1; return k })
	for i := range 40 {
		var msgs []event.Message
		for k := range 50 {
			msgs = append(msgs, message(b.products, fmt.Sprint("key-", k), int64(i+1)))
		}
		b.append(msgs...)
		relay.Wake()
	}
	b.waitUntilSent()
	want := make([]int64, 40)
	for i := range want {
		want[i] = int64(i + 1)
	}
	for k := range 50 {
		b.wantLog(b.products, fmt.Sprint("key-", k), want...)
	}
}

// TestLateCommit replays H12 late commit: the transaction with the lower sequence number commits after the event with
// the higher one was published.
func TestLateCommit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start("a")
	late, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = late.Rollback(context.WithoutCancel(t.Context())) }()
	if err := Append(t.Context(), late, versions(b.products, "late", 1, 2)...); err != nil {
		t.Fatal(err)
	}
	b.append(message(b.products, "early", 1))
	b.waitUntilSent()
	b.wantLog(b.products, "early", 1)
	b.wantLog(b.products, "late")
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.waitUntilSent()
	b.wantLog(b.products, "late", 1, 2)
}

func TestPublishesABacklogOfLargeEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 40 {
		m := message(b.products, fmt.Sprint("key-", i%4), int64(i/4+1))
		m.Payload = slices.Concat(m.Payload, make([]byte, MaxPayload-len(m.Payload)))
		b.append(m)
	}
	b.start("a", func(c *Config, k Broker) Broker {
		c.ClaimBytes, c.LeaseTimeout, c.ProduceTimeout = 4<<20, 30*time.Second, 20*time.Second // so that a slow machine does not fail the test
		return k
	})
	b.waitUntilSent()
	for k := range 4 {
		b.wantLog(b.products, fmt.Sprint("key-", k), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	}
}
