package outbox

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// through returns a change for start: the relay uses a client with this configuration.
func (b *bundle) through(cfg broker.Config) func(*Config, Broker) Broker {
	b.t.Helper()
	client, err := broker.New(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(client.Close)
	return func(*Config, Broker) Broker { return client }
}

// Packets to the first broker are lost, and nothing resets a connection.
func TestFirstBrokerIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const gone = "192.0.2.1:9092"
	begun := time.Now()
	relay := b.start("a", b.through(broker.Config{Brokers: []string{gone, b.kafka.Addr},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == gone {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}}))
	relay.waitForShards(event.Partitions)
	b.append(versions(b.products, "key", 1, 3)...)
	relay.Wake()
	b.waitUntilSent()
	b.wantLog(b.products, "key", 1, 2, 3)
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
}
