package topics

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// Broker creates and checks topics. *broker.Client implements it.
type Broker interface {
	EnsureTopic(ctx context.Context, spec broker.TopicSpec) error
}

// The wait between two tries: retryEvery while Kafka does not answer, recheckEvery while an operator has to repair a
// topic.
const (
	retryEvery   = time.Second
	recheckEvery = 10 * time.Second
)

// Gate opens when every topic exists and has the right settings. It then stays open.
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

// Run tries to open the gate until it is open. It returns nil when ctx is done, also after the gate has opened.
func (g *Gate) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := g.ensure(ctx)
		if err == nil {
			g.setProblem(ctx, "")
			close(g.open)
			<-ctx.Done()
			break
		}
		rest := retryEvery
		if mismatch := (*broker.TopicMismatchError)(nil); errors.As(err, &mismatch) {
			rest = recheckEvery
		}
		if ctx.Err() == nil {
			g.setProblem(ctx, err.Error())
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

// setProblem keeps the problem for Problem, and logs it if it is a new one.
func (g *Gate) setProblem(ctx context.Context, problem string) {
	g.mu.Lock()
	news := g.problem != problem
	g.problem = problem
	g.mu.Unlock()
	switch {
	case problem == "":
		g.log.LogAttrs(ctx, slog.LevelInfo, "the topics are in order")
	case news:
		g.log.LogAttrs(ctx, slog.LevelError, "nothing is published or consumed until the topics are in order", slog.String("reason", problem))
	}
}

// Problem returns the reason why the gate is closed, or "" if it is open.
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
