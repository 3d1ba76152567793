package request

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// Received is a request as its owner reads it. R has what the service itself needs.
type Received[R any] struct {
	ID        uuid.UUID // also the id of the message
	Key       string    // the id of the aggregate whose requests are kept in order
	Number    int64     // the place in that order
	Needs     int64     // the version of the aggregate that must be here before the decision
	ExpiresAt time.Time // from then on, the request must have no effect
	Subject   string    // what the request is about
	Body      R
}

// OwnerConfig says what the owner's service knows. T is its transaction type, and R its type of request. Functions that get
// a transaction must have effects only through it. Except for those with a default, all members are needed.
type OwnerConfig[T, R any] struct {
	Topic    string // of the requests
	Outcomes string // the topic of the outcomes

	Bind      func(pgx.Tx) T // as consumer.Config.Bind
	Raw       func(T) pgx.Tx // the reverse of Bind
	Committed func(tx T)     // as consumer.Config.Committed, for the transactions of Run

	// Read reads a request. Its error is poison: the request is unreadable.
	Read func(consumer.Event) (Received[R], error)
	// UsableKey reports whether there can be a message with the key. If not, an unreadable request gets no outcome.
	UsableKey func(key string) bool
	// Versions returns the version of the local copy of the aggregate with each key. Unknown keys are left out.
	Versions func(ctx context.Context, tx T, keys []string) (map[string]int64, error)
	// Prepare is called before several requests are decided. It takes the locks of all of them that have an order.
	Prepare func(ctx context.Context, tx T, requests []R) error
	// Decide makes the change. It returns the version of the subject, and whether it has changed. It is called in a
	// savepoint, to which the transaction is rolled back after an error.
	Decide func(ctx context.Context, tx T, request R) (version int64, changed bool, err error)
	// Refused reports whether an error of Decide is the fault of the asker. Then it becomes the outcome.
	Refused func(error) bool
	// Discarded returns the refusal for a request that an operator has discarded, with the operator's note.
	Discarded func(note string) error
	// Append appends the messages of outcomes to the outbox.
	Append func(ctx context.Context, tx T, outcomes ...Outcome) error

	// Keep is how long the ids of decided requests are kept, at least until the request has expired. It must be longer
	// than the topic keeps the requests.
	Keep time.Duration

	MetricsNamespace string           // comes before the names of all metrics; none
	Sweep            time.Duration    // how often Run looks for parked requests without a reason; 1 s
	Now              func() time.Time // time.Now
	NewID            func() uuid.UUID // a version 7 UUID
}

// Owner decides about the requests of one topic. Its methods Handle, DeadLettered and Discarded belong into the consumer's
// configuration, and the topic belongs into its Queues.
type Owner[T, R any] struct {
	pool    *pgxpool.Pool
	cfg     OwnerConfig[T, R]
	log     *slog.Logger
	metrics *ownerMetrics
	kicked  chan struct{} // holds a token if Run has to look for parked requests
}

// NewOwner returns an owner that keeps its state in pool's database.
func NewOwner[T, R any](pool *pgxpool.Pool, cfg OwnerConfig[T, R], log *slog.Logger) *Owner[T, R] {
	if cfg.Sweep <= 0 {
		cfg.Sweep = time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = func() uuid.UUID { return uuid.Must(uuid.NewV7()) } // it fails only without a source of randomness
	}
	return &Owner[T, R]{
		pool: pool, cfg: cfg, log: log, metrics: newOwnerMetrics(cfg.MetricsNamespace, cfg.Topic), kicked: make(chan struct{}, 1),
	}
}

// arrival is a request with the event that it was read from.
type arrival[R any] struct {
	Received[R]
	event   consumer.Event
	message []byte // as it was parked; nil if it was not
}

// Handle is the consumer.Handler of the topic. It decides about the requests or parks them.
func (o *Owner[T, R]) Handle(ctx context.Context, tx T, events []consumer.Event) error {
	arrivals := make([]arrival[R], 0, len(events))
	for _, e := range events {
		r, err := o.cfg.Read(e)
		if err != nil {
			return err
		}
		arrivals = append(arrivals, arrival[R]{Received: r, event: e})
	}
	if len(arrivals) == 0 {
		return nil
	}
	s, err := o.lock(ctx, tx, keysOf(arrivals))
	if err != nil {
		return err
	}
	if arrivals, err = s.withoutHandled(ctx, arrivals); err != nil {
		return err
	}
	blocked, err := s.keysWithParked(ctx, keysOf(arrivals))
	if err != nil {
		return err
	}
	waiting, err := s.settle(ctx, arrivals, blocked)
	if err != nil {
		return err
	}
	if err := s.park(ctx, waiting); err != nil {
		return err
	}
	return s.finish(ctx)
}

// withoutHandled leaves out the requests that were decided or parked before, and those that come twice.
func (s *session[T, R]) withoutHandled(ctx context.Context, arrivals []arrival[R]) ([]arrival[R], error) {
	ids := make([]uuid.UUID, len(arrivals))
	for i, r := range arrivals {
		ids[i] = r.ID
	}
	handled, err := s.q.HandledRequests(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("look for repeated requests: %w", err)
	}
	seen := make(map[uuid.UUID]bool, len(ids))
	for _, id := range handled {
		seen[id] = true
	}
	return slices.DeleteFunc(arrivals, func(r arrival[R]) bool {
		repeated := seen[r.ID]
		seen[r.ID] = true
		return repeated
	}), nil
}

// keysWithParked returns which of the keys have parked requests. Later requests of these keys wait behind them.
func (s *session[T, R]) keysWithParked(ctx context.Context, keys []string) (map[string]bool, error) {
	list, err := s.q.KeysWithParked(ctx, keys, s.cfg.Topic)
	if err != nil {
		return nil, fmt.Errorf("look for parked requests: %w", err)
	}
	parked := make(map[string]bool, len(list))
	for _, key := range list {
		parked[key] = true
	}
	return parked, nil
}

// keysOf returns the distinct keys of the requests.
func keysOf[R any](arrivals []arrival[R]) []string {
	keys := make([]string, len(arrivals))
	for i, r := range arrivals {
		keys[i] = r.Key
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
