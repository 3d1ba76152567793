package embeddedbroker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

// unlimited keeps records forever, so that a copy can be rebuilt from a topic alone.
const unlimited = "-1"

// Options sets where the broker listens and where it keeps its data.
type Options struct {
	Addr    string // host:port; "127.0.0.1:0". Port 0 takes a free port, which later starts keep.
	DataDir string // "" keeps everything in memory until Stop
	Log     *slog.Logger

	TLS   *tls.Config // nil means no TLS
	Users []User      // if there are any, each connection has to sign in as one of them
}

// User may sign in with a SASL mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
type User struct{ Mechanism, Name, Password string }

// Broker is an embedded broker. Its address stays the same when it is started again.
type Broker struct {
	opts Options
	addr string

	mu         sync.Mutex
	cluster    *kfake.Cluster
	stopReaper func() // stops the member reaper
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

// Addr returns the host:port for clients.
func (b *Broker) Addr() string { return b.addr }

// Stop stops the broker, closes its connections, and writes its data to the DataDir. Stopping a stopped broker does nothing.
func (b *Broker) Stop(_ context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cluster != nil {
		b.stopReaper()
		b.cluster.Close()
		b.cluster = nil
	}
	return nil
}

// Restart starts a stopped broker at the address that it had. Its data is there again if it has a DataDir.
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
			"log.retention.ms":           unlimited,
			"log.retention.bytes":        unlimited,
			"offsets.retention.minutes":  "2147483647",
			"default.replication.factor": "1",
		}),
		kfake.WithLogger(logger{b.opts.Log}),
	}
	if b.opts.TLS != nil {
		options = append(options, kfake.TLS(b.opts.TLS))
	}
	if len(b.opts.Users) > 0 {
		options = append(options, kfake.EnableSASL())
	}
	for _, u := range b.opts.Users {
		options = append(options, kfake.Superuser(u.Mechanism, u.Name, u.Password))
	}
	if b.opts.DataDir != "" {
		if err := os.MkdirAll(b.opts.DataDir, 0o700); err != nil {
			return fmt.Errorf("the embedded broker's data folder: %w", err)
		}
		options = append(options, kfake.DataDir(b.opts.DataDir))
	}
	cluster, err := kfake.NewCluster(options...)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("the embedded broker cannot listen on %s, because another program does: %w", b.addr, err)
	} else if err != nil {
		return fmt.Errorf("start the embedded broker on %s: %w", b.addr, err)
	}
	b.cluster = cluster
	b.addr = cluster.ListenAddrs()[0]
	b.stopReaper = b.startReaper(ctx, cluster)
	return nil
}

// startReaper removes dead consumers from their groups until stop is called.
func (b *Broker) startReaper(ctx context.Context, cluster *kfake.Cluster) (stop func()) {
	r := &memberReaper{deadlines: map[member]deadline{}}
	r.observe(cluster)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // runs until Stop, even if the context of Start ends
	var running sync.WaitGroup
	running.Go(func() { r.run(ctx, b.addr, b.opts.Log) })
	return func() {
		cancel()
		running.Wait()
	}
}

// Cluster returns the running kfake cluster, for tests; nil while the broker is stopped.
func (b *Broker) Cluster() *kfake.Cluster {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cluster
}
