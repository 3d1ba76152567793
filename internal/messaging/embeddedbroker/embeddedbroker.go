// Package embeddedbroker runs a broker that speaks Kafka's protocol inside the process, for the demo and for tests. It
// is a test broker: one goroutine serves everything, and no figure measured on it says anything about Kafka.
package embeddedbroker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

// forever keeps records whatever their age: a copy can be built afresh from a topic alone.
const forever = "-1"

// Options says where the broker listens and keeps its data.
type Options struct {
	Addr    string // host:port; port 0 takes a free one, which later starts keep. "127.0.0.1:0"
	DataDir string // "" keeps everything in memory, until Stop
	Log     *slog.Logger
}

// Broker is an embedded broker. Its address stays the same when it is started again.
type Broker struct {
	opts Options
	addr string

	mu      sync.Mutex
	cluster *kfake.Cluster
	quiet   func() // ends what runs beside the cluster
}

// Start starts a broker.
func Start(ctx context.Context, opts Options) (*Broker, error) {
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	b := &Broker{opts: opts, addr: opts.Addr}
	if err := b.start(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

// Addr returns the host:port that clients use.
func (b *Broker) Addr() string { return b.addr }

// Stop ends the broker and every connection to it, and writes down what has to be there after the next start.
func (b *Broker) Stop(_ context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cluster != nil {
		b.quiet()
		b.cluster.Close()
		b.cluster = nil
	}
	return nil
}

// Restart starts a stopped broker at the address it had. What it had stored is there again if it has a DataDir.
func (b *Broker) Restart() error { return b.start(context.Background()) }

func (b *Broker) start(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cluster != nil {
		return errors.New("the embedded broker is running already")
	}
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("embedded"),
		kfake.ListenFn(func(network, _ string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, network, b.addr)
		}),
		kfake.BrokerConfigs(map[string]string{
			"log.retention.ms":           forever,
			"log.retention.bytes":        forever,
			"offsets.retention.minutes":  "2147483647",
			"default.replication.factor": "1",
		}),
		kfake.WithLogger(logger{b.opts.Log}),
	}
	if b.opts.DataDir != "" {
		if err := os.MkdirAll(b.opts.DataDir, 0o700); err != nil {
			return fmt.Errorf("the embedded broker's data folder: %w", err)
		}
		options = append(options, kfake.DataDir(b.opts.DataDir))
	}
	cluster, err := kfake.NewCluster(options...)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("the embedded broker cannot listen on %s, another program does: %w", b.addr, err)
	} else if err != nil {
		return fmt.Errorf("start the embedded broker on %s: %w", b.addr, err)
	}
	b.cluster = cluster
	b.addr = cluster.ListenAddrs()[0]
	b.quiet = b.attend(ctx, cluster)
	return nil
}

// attend takes dead consumers out of their groups until the function that it returns is called.
func (b *Broker) attend(ctx context.Context, cluster *kfake.Cluster) (quiet func()) {
	g := &ghosts{heard: map[member]deadline{}}
	g.watch(cluster)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until Stop, whatever becomes of the start's context
	var running sync.WaitGroup
	running.Go(func() { g.layToRest(ctx, b.addr, b.opts.Log) })
	return func() {
		cancel()
		running.Wait()
	}
}

// Cluster returns the running broker itself, for tests that look inside; nil while it is stopped.
func (b *Broker) Cluster() *kfake.Cluster {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cluster
}
