package request

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// session is one transaction that decides about requests. It holds the locks of their keys.
type session[T, R any] struct {
	*Owner[T, R]
	tx  T
	raw pgx.Tx
	q   *messagingdb.Queries

	numbers  map[string]int64 // the last number of each key
	outcomes []Outcome
	decided  messagingdb.SaveDecisionsParams

	// spoiled is called for a request that can never be decided, through its own fault. The transaction is as it was
	// before the request.
	spoiled func(ctx context.Context, r arrival[R], fault error) error
}

// lock locks the keys, and begins a session in the transaction.
func (o *Owner[T, R]) lock(ctx context.Context, tx T, keys []string) (*session[T, R], error) {
	s := o.session(tx)
	rows, err := s.q.LockNumbers(ctx, o.cfg.Outcomes, keys)
	if err != nil {
		return nil, fmt.Errorf("lock the keys of requests: %w", err)
	}
	for _, row := range rows {
		s.numbers[row.Key] = row.Last
	}
	return s, nil
}

func (o *Owner[T, R]) session(tx T) *session[T, R] {
	raw := o.cfg.Raw(tx)
	return &session[T, R]{
		Owner: o, tx: tx, raw: raw, q: messagingdb.New(raw), numbers: map[string]int64{},
		decided: messagingdb.SaveDecisionsParams{Topic: o.cfg.Topic, OutcomeTopic: o.cfg.Outcomes, DecidedAt: o.cfg.Now()},
		spoiled: func(_ context.Context, _ arrival[R], fault error) error { return consumer.Poison(fault.Error()) },
	}
}

// settle decides about the requests in their order. It returns those that have to wait: the copy of their key's aggregate
// is too old, or they come after such a request. blocked has the keys for which this is known already.
func (s *session[T, R]) settle(ctx context.Context, arrivals []arrival[R], blocked map[string]bool) (waiting []arrival[R], err error) {
	if len(arrivals) == 0 {
		return nil, nil
	}
	versions, err := s.cfg.Versions(ctx, s.tx, keysOf(arrivals))
	if err != nil {
		return nil, fmt.Errorf("read the versions of copies: %w", err)
	}
	var ready []arrival[R]
	for _, r := range arrivals {
		switch {
		case s.expired(r):
			ready = append(ready, r)
		case blocked[r.Key] || versions[r.Key] < r.Needs:
			blocked[r.Key] = true
			waiting = append(waiting, r)
		default:
			ready = append(ready, r)
		}
	}
	if err := s.prepare(ctx, ready); err != nil {
		return nil, err
	}
	for _, r := range ready {
		if err := s.decide(ctx, r); err != nil {
			return nil, err
		}
	}
	return waiting, nil
}

func (s *session[T, R]) expired(r arrival[R]) bool { return !s.cfg.Now().Before(r.ExpiresAt) }

// prepare takes the locks of several requests. The decision about a single request takes its locks in their order anyway.
func (s *session[T, R]) prepare(ctx context.Context, ready []arrival[R]) error {
	if len(ready) < 2 {
		return nil
	}
	bodies := make([]R, len(ready))
	for i, r := range ready {
		bodies[i] = r.Body
	}
	return s.cfg.Prepare(ctx, s.tx, bodies)
}

// decide decides about one request and notes the outcome.
func (s *session[T, R]) decide(ctx context.Context, r arrival[R]) error {
	if s.expired(r) {
		s.note(r.outcome(Expired), r.ExpiresAt)
		return nil
	}
	version, changed, err := s.carryOut(ctx, r)
	fault, spoiled := errors.AsType[*faultError](err)
	refusal, refused := errors.AsType[*refusalError](err)
	o := r.outcome(Accepted)
	switch {
	case spoiled:
		return s.spoiled(ctx, r, fault)
	case refused:
		o.Kind, o.Refusal = Refused, refusal.err
	case err != nil:
		return err
	case !changed:
		o.Kind, o.Version = Unchanged, version
	default:
		o.Version = version
	}
	s.note(o, r.ExpiresAt)
	return nil
}

func (r Received[R]) outcome(kind Kind) Outcome {
	return Outcome{Request: r.ID, Key: r.Key, Kind: kind, Subject: r.Subject}
}

// refusalError is the refusal of a request.
type refusalError struct{ err error }

func (e *refusalError) Error() string { return e.err.Error() }

// faultError is the error of a request that would fail again in the same way, and with which nothing else is wrong.
type faultError struct{ err error }

func (e *faultError) Error() string { return e.err.Error() }

// carryOut makes the change of one request in a savepoint. So what a refused request has changed, or a violated constraint,
// does not affect the other requests of the transaction. The error is a *refusalError, a *faultError, or an error of the
// database for which the whole transaction has to be repeated.
func (s *session[T, R]) carryOut(ctx context.Context, r arrival[R]) (version int64, changed bool, err error) {
	if _, err := s.raw.Exec(ctx, "SAVEPOINT request"); err != nil {
		return 0, false, fmt.Errorf("begin a savepoint: %w", err)
	}
	version, changed, err = s.call(ctx, r)
	if err == nil {
		if _, err := s.raw.Exec(ctx, "RELEASE SAVEPOINT request"); err != nil {
			return 0, false, fmt.Errorf("release a savepoint: %w", err)
		}
		return version, changed, nil
	}
	// Without the release, the next savepoint would be nested in this one.
	const sql = "ROLLBACK TO SAVEPOINT request; RELEASE SAVEPOINT request"
	if _, failed := s.raw.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); failed != nil {
		return 0, false, fmt.Errorf("roll back to a savepoint after %v: %w", err, failed) //nolint:errorlint // err may not be the reason
	}
	err = pgtx.MarkUsedNumber(ctx, s.raw, err)
	switch {
	case s.cfg.Refused(err):
		return 0, false, &refusalError{err}
	case ctx.Err() != nil || ofDatabase(err):
		return 0, false, err
	default:
		return 0, false, &faultError{err}
	}
}

// ofDatabase reports whether the database, or another transaction, is the reason of the error. Then a repetition may
// succeed.
func ofDatabase(err error) bool {
	if pgtx.SQLState(err) != "" {
		return !pgtx.DataFault(err)
	}
	return pgtx.Unavailable(err)
}

// call calls Decide, and turns its panic into an error.
func (s *session[T, R]) call(ctx context.Context, r arrival[R]) (version int64, changed bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
			s.log.LogAttrs(ctx, slog.LevelError, "the decision about a request has panicked",
				slog.String("topic", s.cfg.Topic), slog.String("request", r.ID.String()), slog.Any("error", err),
				slog.String("stack", string(debug.Stack())))
		}
	}()
	return s.cfg.Decide(ctx, s.tx, r.Body)
}

// note adds an outcome to those of the session. Every outcome except for Unreadable is final, and is remembered.
func (s *session[T, R]) note(o Outcome, expiresAt time.Time) {
	s.numbers[o.Key]++
	o.ID, o.Number, o.Time = s.cfg.NewID(), s.numbers[o.Key], s.cfg.Now().UTC().Truncate(time.Microsecond)
	s.outcomes = append(s.outcomes, o)
	if o.Kind == Unreadable {
		return
	}
	d := &s.decided
	d.Ids, d.Keys = append(d.Ids, o.Request), append(d.Keys, o.Key)
	d.Outcomes, d.Expires = append(d.Outcomes, string(o.Kind)), append(d.Expires, expiresAt)
}

// finish appends the outcomes, and remembers the decided requests and the numbers.
func (s *session[T, R]) finish(ctx context.Context) error {
	if len(s.outcomes) == 0 {
		return nil
	}
	if err := s.cfg.Append(ctx, s.tx, s.outcomes...); err != nil {
		return fmt.Errorf("append outcomes: %w", err)
	}
	numbered := map[string]bool{}
	for _, o := range s.outcomes {
		s.metrics.countDecided(o.Kind)
		numbered[o.Key] = true
	}
	for key := range numbered {
		s.decided.NumberKeys, s.decided.Lasts = append(s.decided.NumberKeys, key), append(s.decided.Lasts, s.numbers[key])
	}
	if err := s.q.SaveDecisions(ctx, s.decided); err != nil {
		return fmt.Errorf("remember decided requests: %w", err)
	}
	return nil
}

// handled reports whether the request has been decided or parked.
func (s *session[T, R]) handled(ctx context.Context, id uuid.UUID) (bool, error) {
	found, err := s.q.HandledRequests(ctx, []uuid.UUID{id})
	if err != nil {
		return false, fmt.Errorf("look for a repeated request: %w", err)
	}
	return len(found) > 0, nil
}
