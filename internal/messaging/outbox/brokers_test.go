package outbox

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/netproxy"
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
	relay.waitForShards(allShards)
	b.append(versions(b.products, "key", 1, 3)...)
	relay.Wake()
	b.waitUntilSent()
	b.wantLog(b.products, "key", 1, 2, 3)
	if took := time.Since(begun); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
}

// link returns a link to the broker that has no limit yet, and a change for start that makes the relay use it.
func (b *bundle) link(produceTimeout time.Duration) (*netproxy.Proxy, func(*Config, Broker) Broker) {
	b.t.Helper()
	link := netproxy.New(b.t, b.kafka.Addr)
	through := b.through(broker.Config{Brokers: []string{b.kafka.Addr}, ProduceTimeout: produceTimeout,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, link.Addr())
		}})
	return link, func(cfg *Config, k Broker) Broker {
		cfg.ProduceTimeout, cfg.LeaseTimeout = produceTimeout, 3*produceTimeout
		return through(cfg, k)
	}
}

// large returns messages of 1,000 bytes for the versions from first to last of one key.
func large(topic, key string, first, last int64) []event.Message {
	msgs := versions(topic, key, first, last)
	for i := range msgs {
		msgs[i].Payload = append(msgs[i].Payload, bytes.Repeat([]byte(" "), 1000-len(msgs[i].Payload))...)
	}
	return msgs
}

const slow = 100 << 10 // bytes a second

// All that is pending does not fit into the time of one request, although each batch of it is small.
func TestABacklogIsPublishedOverASlowLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	link, through := b.link(time.Second)
	relay := b.start("a", through)
	relay.waitForShards(allShards) // lanes that open one after the other would not send all at once
	link.Limit(slow)
	const highest = 13
	var msgs []event.Message
	for _, key := range keyOfEachShard() {
		msgs = append(msgs, large(b.products, key, 1, highest)...)
		msgs = append(msgs, large(b.markets, key, 1, highest)...)
	}
	b.append(msgs...)
	relay.Wake()
	b.waitUntilSent()
	for _, key := range keyOfEachShard() {
		b.wantHistory(b.products, key, highest)
		b.wantHistory(b.markets, key, highest)
	}
}

// The batch in flight is too large for the link that has become slow, and the bytes of a batch never change.
func TestALinkThatBecomesSlowIsEnoughAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	link, through := b.link(500 * time.Millisecond)
	relay := b.start("a", through)
	relay.waitForShards(allShards)
	const step = 150
	highest := int64(0)
	more := func() {
		b.append(large(b.products, "key", highest+1, highest+step)...)
		highest += step
		relay.Wake()
	}
	for range 4 { // the relay learns that the link is fast
		more()
		b.waitUntilSent()
	}
	link.Limit(slow)
	more()
	b.waitUntilSent()
	b.wantHistory(b.products, "key", highest)
}
