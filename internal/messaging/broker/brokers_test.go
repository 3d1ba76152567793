package broker_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// gone is the address of a host that is gone: packets to it are lost, and nothing resets a connection.
const gone = "192.0.2.1:9092"

// goneDialer connects to all hosts but the one that is gone. It counts the attempts to reach that one.
type goneDialer struct{ attempts atomic.Int32 }

func (d *goneDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if address != gone {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	d.attempts.Add(1)
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestFirstBrokerIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dialer := &goneDialer{}
	b.client = open(t, broker.Config{Brokers: []string{gone, b.Addr}, Dial: dialer.dial, MetadataTTL: time.Millisecond})
	for sequence := range int32(10) {
		if r := b.client.Produce(t.Context(), []*broker.Batch{b.batch(t, 0, 0, sequence, "sent")})[0]; r.Err != nil {
			t.Fatalf("batch %d: %v", sequence, r.Err)
		}
	}
	db := newCopies()
	b.consume(t, b.client, broker.GroupConfig{}, db)
	kafkatest.Eventually(t, "all is applied", func() bool { return db.count() == 10 })
	if n := dialer.attempts.Load(); n > 2 {
		t.Errorf("the broker that is gone was asked %d times", n)
	}
}

func TestFirstBrokerIsIsolatedAndStale(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.client = open(t, broker.Config{Brokers: []string{b.StaleAddr(t), b.Addr}, MetadataTTL: time.Millisecond})
	refused := 0
	for sequence := int32(0); sequence < 10; {
		r := b.client.Produce(t.Context(), []*broker.Batch{b.batch(t, 0, 0, sequence, "sent")})[0]
		switch {
		case r.Err == nil:
			sequence++
		case broker.VerdictOf(r.Err) != broker.NotWritten || refused == 3:
			t.Fatalf("batch %d: %v", sequence, r.Err)
		default:
			refused++
		}
	}
	if refused == 0 {
		t.Error("the stale broker was not asked")
	}
	db := newCopies()
	b.consume(t, b.client, broker.GroupConfig{}, db)
	kafkatest.Eventually(t, "all is applied", func() bool { return db.count() == 10 })
}

// An isolated broker may be asked at any time. Its leader epochs are lower than those that another broker has told.
func TestLowerLeaderEpochIsNotBelieved(t *testing.T) {
	t.Parallel()
	if kafkatest.Real() {
		return // with one broker, no other leader epoch begins
	}
	b := setup(t)
	embedded, err := b.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if err := embedded.Cluster().MoveTopicPartition(b.topic, 0, 0); err != nil { // another leader epoch begins
		t.Fatal(err)
	}
	b.client = open(t, broker.Config{Brokers: []string{b.Addr, b.StaleAddr(t)}})
	b.wantSent(t, b.batch(t, 0, 0, 0, "1"), 0)
	const notLeader = 6
	b.RefuseProduce(b.tp(0), notLeader, 1)
	second := b.batch(t, 0, 0, 1, "2")
	b.wantVerdict(t, b.client.Produce(t.Context(), []*broker.Batch{second})[0], broker.NotWritten)
	if r := b.client.Produce(t.Context(), []*broker.Batch{second})[0]; r.Err != nil { // the stale broker is asked first
		t.Error(r.Err)
	}
}

// The caller does not wait for the cluster while it has a layout, even if the broker that is asked hangs.
func TestLayoutIsRefreshedInTheBackground(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := open(t, broker.Config{Brokers: []string{b.Addr}, MetadataTTL: 2 * time.Second})
	if _, err := c.Leader(t.Context(), b.tp(0)); err != nil {
		t.Fatal(err)
	}
	reached, release := b.Hold(kafkatest.Metadata)
	defer release()
	kafkatest.Eventually(t, "the cluster is asked again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := c.Leader(ctx, b.tp(0)); err != nil {
			t.Fatal("a caller waits for the cluster:", err)
		}
		select {
		case <-reached:
			return true
		default:
			return false
		}
	})
}
