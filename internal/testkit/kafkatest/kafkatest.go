// Package kafkatest gives each test a broker of its own: the embedded broker, or the real cluster that KAFKA_BROKERS names,
// with topics that no other test uses. Both are behind a proxy. The proxy can lose answers, refuse partitions, hold
// requests, and make the cluster look stopped or hung.
package kafkatest

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/embeddedbroker"
)

// Broker is a test's broker.
type Broker struct {
	Addr string // where clients connect, for as long as the test runs

	embedded *embeddedbroker.Broker // nil when the cluster is a real one
	upstream string
	proxy    *proxy
	prefix   string         // of the names that Topic returns
	wire     string         // comes before all names in Kafka, as broker.Config.Prefix
	direct   *broker.Client // around the proxy and its faults
}

// Real reports whether tests run on a real cluster. The embedded broker differs from Kafka in some ways:
// internal/messaging/broker/differences_test.go lists them.
func Real() bool { return os.Getenv("KAFKA_BROKERS") != "" }

// New returns a broker for the test. It ends with the test.
func New(t testing.TB) *Broker {
	t.Helper()
	b := &Broker{proxy: newProxy()}
	if brokers := os.Getenv("KAFKA_BROKERS"); brokers != "" {
		b.upstream, _, _ = strings.Cut(brokers, ",")
		b.prefix = "t" + strings.ToLower(rand.Text()[:10]) + "-"
	} else {
		embedded, err := embeddedbroker.Start(t.Context(), embeddedbroker.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = embedded.Stop(context.Background()) })
		b.embedded, b.upstream = embedded, embedded.Addr()
	}
	addr, err := b.proxy.front(b.upstream)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.proxy.close)
	b.Addr = addr
	b.direct = b.newClient(t, b.upstream)
	return b
}

// NewPrefixed returns a broker for a test that cannot choose the names of its topics and groups. On a real cluster, the
// clients put a prefix before all names, as KafkaPrefix says. The topics are deleted at the end of the test.
func NewPrefixed(t testing.TB) *Broker {
	t.Helper()
	b := New(t)
	if Real() {
		b.wire, b.prefix = b.prefix, ""
		b.direct = b.newClient(t, b.upstream)
		admin := b.admin(t)
		t.Cleanup(func() { deleteTopics(t, admin, b.wire) })
	}
	return b
}

// KafkaPrefix returns what comes before all names in Kafka. A service gets it as KAFKA_PREFIX. It may be empty.
func (b *Broker) KafkaPrefix() string { return b.wire }

// Topic returns the name to use for a topic, or for a group. On a real cluster both outlive the test, so names are unique.
func (b *Broker) Topic(name string) string { return b.prefix + name }

// Client returns a client of the broker without a log. The end of the test closes it.
func (b *Broker) Client(t testing.TB) *broker.Client {
	t.Helper()
	return b.newClient(t, b.Addr)
}

func (b *Broker) newClient(t testing.TB, addr string) *broker.Client {
	t.Helper()
	c, err := broker.New(broker.Config{Brokers: []string{addr}, Prefix: b.wire}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Direct returns a client that goes around the proxy and its faults. The end of the test closes it.
func (b *Broker) Direct() *broker.Client { return b.direct }

// CreateTopic creates a topic as its owner would, and returns its name.
func (b *Broker) CreateTopic(t testing.TB, name string, partitions int) string {
	t.Helper()
	name = b.Topic(name)
	if err := b.direct.EnsureTopic(t.Context(), broker.TopicSpec{Name: name, Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	return name
}

// Write appends records to a partition with a producer of its own, around the faults.
func (b *Broker) Write(t testing.TB, tp broker.TopicPartition, records ...broker.Record) {
	t.Helper()
	id, err := b.direct.NewProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch, err := broker.EncodeBatch(tp, broker.ProducerSession{ID: id}, 0, records)
	if err != nil {
		t.Fatal(err)
	}
	for { // just after its creation, not every broker knows a topic
		err := b.direct.Produce(t.Context(), []*broker.Batch{batch})[0].Err
		if err == nil {
			return
		}
		if verdict := broker.VerdictOf(err); verdict != broker.NotWritten && verdict != broker.Resend || t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
}

// Log returns all records of a partition, read around the faults.
func (b *Broker) Log(t testing.TB, tp broker.TopicPartition) []broker.Fetched {
	t.Helper()
	next, err := b.direct.StartOffset(t.Context(), tp)
	if err != nil {
		t.Fatal(err)
	}
	var log []broker.Fetched
	for {
		records, after, end, err := b.direct.Read(t.Context(), tp, next)
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, records...)
		if after >= end {
			return log
		}
		next = after
	}
}

// Stop makes the cluster look stopped: connections end, and new ones end at once. The cluster keeps its records.
func (b *Broker) Stop() { b.proxy.setAway(true) }

// Start undoes Stop.
func (b *Broker) Start() { b.proxy.setAway(false) }

// Pause makes the cluster look hung: connections stay open, but no bytes pass.
func (b *Broker) Pause() { b.proxy.setPaused(true) }

// Resume undoes Pause.
func (b *Broker) Resume() { b.proxy.setPaused(false) }

// LoseAnswers forwards the next requests of a kind, and cuts the connection instead of returning the answer.
func (b *Broker) LoseAnswers(api API, times int) {
	f := &b.proxy.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lose == nil {
		f.lose = map[API]int{}
	}
	f.lose[api] = times
}

// RefuseProduce answers the next Produce requests for one partition with an error code, without forwarding that part of
// them.
func (b *Broker) RefuseProduce(tp broker.TopicPartition, code int16, times int) {
	f := &b.proxy.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = append(f.refuse, &refusal{topic: b.wire + tp.Topic, partition: int32(tp.Partition), code: code, left: times})
}

// Hold keeps the next request of a kind from reaching the cluster until release is called. reached is closed when the
// request is there.
func (b *Broker) Hold(api API) (reached <-chan struct{}, release func()) {
	f := &b.proxy.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	h := &hold{api: api, reached: make(chan struct{}), release: make(chan struct{})}
	f.holds = append(f.holds, h)
	return h.reached, func() {
		select {
		case <-h.release:
		default:
			close(h.release)
		}
	}
}

// Damage changes this text in each answer to Fetch, so that its checksum is wrong, as on a damaged disk.
func (b *Broker) Damage(text string) {
	f := &b.proxy.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	f.damage = []byte(text)
}

// Heal ends LoseAnswers, RefuseProduce and Damage, and each Hold that no request has reached yet.
func (b *Broker) Heal() { b.proxy.faults.heal() }

// Requests returns how many requests of a kind the proxy has received so far.
func (b *Broker) Requests(api API) int {
	f := &b.proxy.faults
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[api]
}

// Embedded returns the embedded broker, for tests that need what only it can do. On a real cluster it returns an error.
func (b *Broker) Embedded() (*embeddedbroker.Broker, error) {
	if b.embedded == nil {
		return nil, errors.New("the test runs on a real cluster")
	}
	return b.embedded, nil
}

// Eventually waits until condition returns true. It fails the test when that takes too long.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("timed out waiting until " + what)
		}
	}
}
