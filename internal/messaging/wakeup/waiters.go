package wakeup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ConsumerPosition is the channel that is notified when a consumer has applied events.
const ConsumerPosition = "consumer_position"

// ErrStopped is the error of Wait when the process begins to stop.
var ErrStopped = errors.New("the service stops")

// Lookup returns the current version of each id that exists, also if it is marked as deleted. It leaves out ids that do
// not exist.
type Lookup func(ctx context.Context, ids []string) (map[string]int64, error)

// UUIDs returns a Lookup of things whose ids are UUIDs in their usual form. No other id exists.
func UUIDs(lookup func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error)) Lookup {
	return func(ctx context.Context, ids []string) (map[string]int64, error) {
		var valid []uuid.UUID
		for _, text := range ids {
			if id, err := uuid.Parse(text); err == nil && id.String() == text {
				valid = append(valid, id)
			}
		}
		found, err := lookup(ctx, valid)
		versions := make(map[string]int64, len(found))
		for id, version := range found {
			versions[id.String()] = version
		}
		return versions, err
	}
}

// Config configures Waiters. Each comment ends with the default of the zero value.
type Config struct {
	Channel string // what to listen to; ConsumerPosition

	MetricsNamespace string // comes before the names of all metrics, as in NAMESPACE_wakeup_waiting; none

	Poll     time.Duration // between two looks, if nothing tells of a change; 1 s
	MaxRest  time.Duration // longest rest between two looks; 20 ms
	ArmEvery time.Duration // shortest time between two arms, and from an arm to the look after it; 20 ms
	Retry    time.Duration // pause after an error of the database; 1 s
	Timeout  time.Duration // bounds one query; 5 s
}

func (c Config) withDefaults() Config {
	if c.Channel == "" {
		c.Channel = ConsumerPosition
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.Poll, time.Second}, {&c.MaxRest, 20 * time.Millisecond}, {&c.ArmEvery, 20 * time.Millisecond},
		{&c.Retry, time.Second}, {&c.Timeout, 5 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	return c
}

// Waiters are the callers in this process that wait for a version of something. It implements prometheus.Collector.
type Waiters struct {
	pool    *pgxpool.Pool
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	lookups map[string]Lookup

	kicked   chan struct{} // holds a token if there may be something to see
	notified chan struct{} // holds a token if in addition the channel is not armed any more
	stopped  chan struct{} // closed by Stop
	stop     sync.Once

	mu      sync.Mutex
	waiting map[subject]map[*waiter]struct{}
	count   int
}

// subject is what a caller waits for.
type subject struct{ kind, id string }

type waiter struct {
	version int64
	reached chan struct{} // closed when the subject has reached the version
}

// New returns Waiters that look with the pool's connections. Register the kinds, then Run.
func New(pool *pgxpool.Pool, cfg Config, log *slog.Logger) *Waiters {
	w := &Waiters{
		pool: pool, cfg: cfg.withDefaults(), log: log, lookups: map[string]Lookup{},
		kicked: make(chan struct{}, 1), notified: make(chan struct{}, 1), stopped: make(chan struct{}),
		waiting: map[subject]map[*waiter]struct{}{},
	}
	w.metrics = newMetrics(w.cfg.MetricsNamespace, w.Waiting)
	return w
}

// Register adds a kind of things to wait for. Call it before Run.
func (w *Waiters) Register(kind string, l Lookup) { w.lookups[kind] = l }

// Kick says that this process has committed a change. It never blocks.
func (w *Waiters) Kick() { signal(w.kicked) }

// Announce says that this process has committed a version. Callers that wait for it return at once, without a look.
func (w *Waiters) Announce(kind, id string, version int64) {
	w.release(kind, map[string]int64{id: version})
}

// signal puts a token into a channel with room for one, if it has none.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Stop ends all waits at once with ErrStopped, also those that begin later.
func (w *Waiters) Stop() { w.stop.Do(func() { close(w.stopped) }) }

// Reached reports whether the thing of that kind and id has reached the version by now. It looks for this caller alone.
func (w *Waiters) Reached(ctx context.Context, kind, id string, version int64) (bool, error) {
	lookup, err := w.lookup(kind)
	if err != nil {
		return false, err
	}
	versions, err := lookup(ctx, []string{id})
	current, exists := versions[id]
	return exists && current >= version, err
}

func (w *Waiters) lookup(kind string) (Lookup, error) {
	if l, known := w.lookups[kind]; known {
		return l, nil
	}
	return nil, fmt.Errorf("wakeup: the kind %q is not registered", kind)
}

// Wait returns nil when the thing of that kind and id has reached the version. It also waits for a thing that does not
// exist yet. It returns ErrStopped after Stop, and the error of ctx when ctx is done. It uses no connection of its own.
func (w *Waiters) Wait(ctx context.Context, kind, id string, version int64) error {
	if _, err := w.lookup(kind); err != nil {
		return err
	}
	select {
	case <-w.stopped:
		return ErrStopped
	default:
	}
	s, one := subject{kind, id}, &waiter{version: version, reached: make(chan struct{})}
	w.join(s, one)
	defer w.leave(s, one)
	w.Kick()
	select {
	case <-one.reached:
		return nil
	case <-w.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Waiters) join(s subject, one *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting[s] == nil {
		w.waiting[s] = map[*waiter]struct{}{}
	}
	w.waiting[s][one] = struct{}{}
	w.count++
}

// leave removes a waiter, unless it was removed when its version was reached.
func (w *Waiters) leave(s subject, one *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, waits := w.waiting[s][one]; waits {
		w.remove(s, one)
	}
}

// remove is called with the lock.
func (w *Waiters) remove(s subject, one *waiter) {
	delete(w.waiting[s], one)
	if len(w.waiting[s]) == 0 {
		delete(w.waiting, s)
	}
	w.count--
}

// Waiting returns the number of callers that wait.
func (w *Waiters) Waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// wanted returns the ids that callers wait for, by kind.
func (w *Waiters) wanted() map[string][]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := map[string][]string{}
	for s := range w.waiting {
		ids[s.kind] = append(ids[s.kind], s.id)
	}
	return ids
}

// release ends the waits for versions that have been reached.
func (w *Waiters) release(kind string, versions map[string]int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, version := range versions {
		s := subject{kind, id}
		for one := range w.waiting[s] {
			if one.version <= version {
				close(one.reached)
				w.remove(s, one)
			}
		}
	}
}
