package topics

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/monsplit/monsplit/internal/delay"
	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// Broker creates and checks topics. *broker.Client implements it.
type Broker interface {
	EnsureTopic(ctx context.Context, spec broker.TopicSpec) error
	CheckTopic(ctx context.Context, spec broker.TopicSpec) error
}

// The wait between two tries: retryEvery while Kafka does not answer, recheckEvery while an operator has to repair a
// topic.
const (
	retryEvery   = time.Second
	recheckEvery = 10 * time.Second
)

// watchEvery is the time between two checks of topics that were in order.
const watchEvery = time.Minute

// Gate opens when every topic exists and has the right settings. It then stays open, and tells when that is no longer so.
type Gate struct {
	broker Broker
	specs  []broker.TopicSpec
	log    *slog.Logger
	open   chan struct{} // closed when the gate is open

	mu      sync.Mutex
	problem string
	told    string // the problem for anyone
}

const unchecked = "the topics are not checked yet"

// NewGate returns a closed gate for the topics that the service owns.
func NewGate(b Broker, log *slog.Logger, specs ...broker.TopicSpec) *Gate {
	return &Gate{broker: b, specs: specs, log: log, open: make(chan struct{}), problem: unchecked, told: unchecked}
}

// Run tries to open the gate until it is open. From then on it checks the topics again and again. It returns nil when ctx is done.
func (g *Gate) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := g.ensure(ctx)
		if err == nil {
			g.setProblem(ctx, "", "", "")
			close(g.open)
			break
		}
		pause := retryEvery
		if isMismatch(err) {
			pause = recheckEvery
		}
		if ctx.Err() == nil {
			g.setProblem(ctx, err.Error(), forAnyone(err), "nothing is published or consumed until the topics are in order")
		}
		delay.For(ctx, pause)
	}
	faults := map[string]error{}
	for delay.For(ctx, watchEvery) {
		g.watch(ctx, faults)
	}
	return nil
}

// watch checks topics that were in order. A setting that was changed, for example of the retention, may lose events later. It
// does not change what was published, so publishing goes on. faults are those of the last check, by topic. They stay for a topic
// of which Kafka does not tell anything now.
func (g *Gate) watch(ctx context.Context, faults map[string]error) {
	var found []error
	for _, spec := range g.specs {
		switch err := g.broker.CheckTopic(ctx, spec); {
		case err == nil:
			delete(faults, spec.Name)
		case errors.Is(err, broker.ErrUnknownTopic), isMismatch(err):
			faults[spec.Name] = err
		}
		if fault, is := faults[spec.Name]; is {
			found = append(found, fault)
		}
	}
	if len(found) == 0 {
		g.setProblem(ctx, "", "", "")
		return
	}
	g.setProblem(ctx, errors.Join(found...).Error(), forAnyone(found...), "a topic has been changed: events may be lost later")
}

func isMismatch(err error) bool {
	_, is := errors.AsType[*broker.TopicMismatchError](err)
	return is
}

func (g *Gate) ensure(ctx context.Context) error {
	for _, spec := range g.specs {
		if err := g.broker.EnsureTopic(ctx, spec); err != nil {
			return err
		}
	}
	return nil
}

// setProblem keeps the problem for Problem, and logs it with what it means if it is a new one.
func (g *Gate) setProblem(ctx context.Context, problem, told, means string) {
	g.mu.Lock()
	news := g.problem != problem
	g.problem, g.told = problem, told
	g.mu.Unlock()
	switch {
	case !news:
	case problem == "":
		g.log.LogAttrs(ctx, slog.LevelInfo, "the topics are in order")
	default:
		g.log.LogAttrs(ctx, slog.LevelError, means, slog.String("reason", problem))
	}
}

// Problem returns the reason why the gate is closed, or what has been changed at the topics since it opened, or "".
func (g *Gate) Problem() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.problem
}

// ForAnyone returns Problem without the texts of errors, which may name hosts: only names and settings of topics, and sentences of
// the packages for messages.
func (g *Gate) ForAnyone() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.told
}

// forAnyone returns what anyone may read of errors about topics.
func forAnyone(errs ...error) string {
	var told []string
	for _, err := range errs {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			told = append(told, forAnyone(joined.Unwrap()...))
			continue
		}
		mismatch, is := errors.AsType[*broker.TopicMismatchError](err)
		switch {
		case is:
			told = append(told, mismatch.Error())
		case errors.Is(err, broker.ErrUnknownTopic):
			told = append(told, "a topic is missing")
		default:
			told = append(told, cmp.Or(broker.Advice(err), "the topics cannot be checked"))
		}
	}
	return strings.Join(told, "\n")
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
