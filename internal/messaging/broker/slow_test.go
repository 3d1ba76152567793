package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/netproxy"
)

const slow = 100 << 10 // bytes a second

// link makes the bundle's client reach the broker through a link that has no limit yet.
func (b *bundle) link(t *testing.T, cfg broker.Config) *netproxy.Proxy {
	t.Helper()
	link := netproxy.New(t, b.Addr)
	cfg.Brokers = []string{b.Addr}
	cfg.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, link.Addr())
	}
	b.client = open(t, cfg)
	return link
}

func (b *bundle) leader(t *testing.T) broker.NodeID {
	t.Helper()
	leader, err := b.client.Leader(t.Context(), b.tp(0))
	if err != nil {
		t.Fatal(err)
	}
	return leader
}

func (b *bundle) largeBatch(t *testing.T, sequence int32, size int) *broker.Batch {
	t.Helper()
	return b.batch(t, 0, 0, sequence, string(bytes.Repeat([]byte("x"), size)))
}

func TestProduceLimitFitsASlowLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.link(t, broker.Config{}).Limit(slow)
	leader := b.leader(t)
	begun := time.Now()
	for sequence, sent := int32(0), 0; sent < 150_000; sequence++ {
		size := b.client.ProduceLimit(leader) - 200
		if r := b.client.Produce(t.Context(), []*broker.Batch{b.largeBatch(t, sequence, size)})[0]; r.Err != nil {
			t.Fatalf("a batch of %d bytes: %v", size, r.Err)
		}
		sent += size
	}
	if took := time.Since(begun); took < time.Second {
		t.Errorf("the link is not slow: %s", took)
	}
}

func TestProduceLimitGrowsOnAFastLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	leader := b.leader(t)
	for sequence := int32(0); b.client.ProduceLimit(leader) < broker.MaxBatchBytes; sequence++ {
		b.wantSent(t, b.largeBatch(t, sequence, b.client.ProduceLimit(leader)-200), int64(sequence))
		if sequence == 100 {
			t.Fatalf("the limit is still %d bytes", b.client.ProduceLimit(leader))
		}
	}
}

func TestBatchThatIsTooLargeForTheLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.link(t, broker.Config{ProduceTimeout: time.Second}).Limit(slow)
	leader := b.leader(t)
	before := b.client.ProduceLimit(leader)
	r := b.client.Produce(t.Context(), []*broker.Batch{b.largeBatch(t, 0, 400_000)})[0]
	failure, ok := errors.AsType[*broker.Error](r.Err)
	if !ok || failure.Verdict != broker.Resend || !failure.TimedOut {
		t.Fatalf("got %v", r.Err)
	}
	if now := b.client.ProduceLimit(leader); now >= before {
		t.Errorf("the limit was %d bytes and is %d", before, now)
	}
	// The rest of the large batch does not delay the next one.
	small := b.batch(t, 1, 0, 0, "small")
	if r := b.client.Produce(t.Context(), []*broker.Batch{small})[0]; r.Err != nil {
		t.Error(r.Err)
	}
}

// All that there is does not fit into the time of one request. Nor does the largest batch, which cannot be divided.
func TestBacklogArrivesOnASlowLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	value := string(bytes.Repeat([]byte("x"), 10_000))
	for id := range 8 {
		b.write(t, 0, fmt.Sprint(id), value)
		b.write(t, 1, fmt.Sprint(id), value)
	}
	b.write(t, 1, string(bytes.Repeat([]byte("x"), 80_000)))
	b.link(t, broker.Config{RequestTimeout: 300 * time.Millisecond}).Limit(slow)
	db := newCopies()
	b.consume(t, b.client, broker.GroupConfig{MaxWait: 50 * time.Millisecond}, db)
	kafkatest.Eventually(t, "all is applied", func() bool { return db.count() == 33 })
}
