package broker_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// countingDialer counts the connections that the client has not closed.
type countingDialer struct{ open, most atomic.Int32 }

type countedConn struct {
	*net.TCPConn
	close func() error
}

func (c countedConn) Close() error { return c.close() }

func (d *countingDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	tcp := conn.(*net.TCPConn)
	for now := d.open.Add(1); ; {
		if most := d.most.Load(); now <= most || d.most.CompareAndSwap(most, now) {
			break
		}
	}
	return countedConn{tcp, sync.OnceValue(func() error { d.open.Add(-1); return tcp.Close() })}, nil
}

// askByMany asks for the end of a log many times at once.
func (b *bundle) askByMany(t *testing.T) {
	t.Helper()
	var all sync.WaitGroup
	for range 370 {
		all.Go(func() {
			if _, err := b.client.EndOffset(t.Context(), b.tp(0)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestManyRequestsShareFewConnections(t *testing.T) {
	t.Parallel()
	b, dialer := setup(t), &countingDialer{}
	b.client = open(t, broker.Config{Brokers: []string{b.Addr}, Dial: dialer.dial, MaxIdle: 240 * time.Millisecond})
	b.askByMany(t)
	if most := dialer.most.Load(); most > 16 {
		t.Errorf("%d connections", most)
	}
	kafkatest.Eventually(t, "the connections that no request uses are closed", func() bool { return dialer.open.Load() == 0 })
	b.askByMany(t)
}

func TestConnectionsThatTheBrokerClosedAreReaped(t *testing.T) {
	t.Parallel()
	b, dialer := setup(t), &countingDialer{}
	b.client = open(t, broker.Config{Brokers: []string{b.Addr}, Dial: dialer.dial, MaxIdle: 36 * time.Second})
	b.askByMany(t)
	b.Stop()
	kafkatest.Eventually(t, "the connections that the broker closed are closed", func() bool { return dialer.open.Load() == 0 })
}

// A batch must not fail only because the broker has closed the connection since the last one.
func TestAConnectionThatTheBrokerClosedIsNotUsed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wantSent(t, b.batch(t, 0, 0, 0, "1"), 0)
	b.Stop()
	b.Start()
	if r := b.client.Produce(t.Context(), []*broker.Batch{b.batch(t, 0, 0, 1, "2")})[0]; r.Err != nil {
		t.Error(r.Err)
	}
}
