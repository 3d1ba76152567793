// Package topics knows whether a service may use Kafka: only once its own topics exist and are set up as they have to
// be. Until then it keeps the relay and the consumer waiting, while HTTP is served.
package topics

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// Broker creates and checks topics; *broker.Client does.
type Broker interface {
	EnsureTopic(ctx context.Context, spec broker.TopicSpec) error
}

// Between two tries: while Kafka is away, and while somebody has to put a topic right.
const (
	retryEvery   = time.Second
	recheckEvery = 10 * time.Second
)

// Gate opens when every topic has been found in order, and stays open.
type Gate struct {
	broker Broker
	specs  []broker.TopicSpec
	log    *slog.Logger
	open   chan struct{} // closed when the gate is open

	mu      sync.Mutex
	problem string
}

// NewGate returns a closed gate for the topics that the service owns.
func NewGate(b Broker, log *slog.Logger, specs ...broker.TopicSpec) *Gate {
	return &Gate{broker: b, specs: specs, log: log, open: make(chan struct{}), problem: "the topics are not checked yet"}
}

// Run tries to open the gate, as often as it takes, and returns when ctx is done. It is a lifecycle part.
func (g *Gate) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := g.ensure(ctx)
		if err == nil {
			g.tell(ctx, "")
			close(g.open)
			<-ctx.Done()
			break
		}
		rest := retryEvery
		if mismatch := (*broker.TopicMismatchError)(nil); errors.As(err, &mismatch) {
			rest = recheckEvery
		}
		if ctx.Err() == nil {
			g.tell(ctx, err.Error())
		}
		timer := time.NewTimer(rest)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

func (g *Gate) ensure(ctx context.Context) error {
	for _, spec := range g.specs {
		if err := g.broker.EnsureTopic(ctx, spec); err != nil {
			return err
		}
	}
	return nil
}

// tell keeps what is wrong, and logs it when that is news.
func (g *Gate) tell(ctx context.Context, problem string) {
	g.mu.Lock()
	news := g.problem != problem
	g.problem = problem
	g.mu.Unlock()
	switch {
	case problem == "":
		g.log.LogAttrs(ctx, slog.LevelInfo, "the topics are in order")
	case news:
		g.log.LogAttrs(ctx, slog.LevelError, "nothing is published or consumed yet", slog.String("reason", problem))
	}
}

// Problem says why the gate is closed; "" when it is open.
func (g *Gate) Problem() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.problem
}

// Behind returns a function that waits until the gate is open and then calls run. It returns nil if ctx ends first.
func (g *Gate) Behind(run func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-g.open:
			return run(ctx)
		}
	}
}
