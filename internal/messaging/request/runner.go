package request

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/postgres"
)

const (
	headsAtOnce = 1000 // keys that one query looks at
	// restFactor makes Run rest, after a look at the parked requests, this many times as long as the look took. While a
	// hundred thousand keys wait, the look at them must not occupy the database.
	restFactor = 4
	minRest    = 10 * time.Millisecond // one look covers the commits of this time
	txTimeout  = time.Minute           // of one transaction
)

// beginTx pins the planner to indexes. The table of parked requests is usually empty, and PostgreSQL keeps the plans that it
// made for the empty table.
const beginTx = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; ` +
	`SET LOCAL enable_mergejoin = off; SET LOCAL plan_cache_mode = force_generic_plan`

// Kick makes Run look for parked requests that can be decided now. A service calls it after each commit of its consumer. It
// never blocks.
func (o *Owner[T, R]) Kick() {
	select {
	case o.kicked <- struct{}{}:
	default:
	}
}

// Run decides about parked requests until ctx is done: when the copy of their key's aggregate has their version, or when
// they have expired. Any number of instances may run. It needs no Kick: without one, it looks every Sweep.
func (o *Owner[T, R]) Run(ctx context.Context) error {
	sweep := time.NewTimer(0)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.kicked:
		case <-sweep.C:
		}
		started := time.Now()
		if err := o.releaseAll(ctx); err != nil && ctx.Err() == nil {
			o.log.LogAttrs(ctx, slog.LevelWarn, "parked requests cannot be looked at", slog.String("topic", o.cfg.Topic), slog.Any("error", err))
			started = started.Add(-o.cfg.Sweep) // no hurry
		}
		if !rest(ctx, max(minRest, restFactor*time.Since(started))) {
			return nil
		}
		sweep.Reset(o.cfg.Sweep)
	}
}

// releaseAll decides about all parked requests that can be decided.
func (o *Owner[T, R]) releaseAll(ctx context.Context) error {
	if err := o.releaseExpired(ctx); err != nil {
		return err
	}
	for after := ""; ; {
		ready, last, err := o.readyKeys(ctx, after)
		if err != nil {
			return err
		}
		if err := o.releaseKeys(ctx, ready); err != nil || last == "" {
			return err
		}
		after = last
	}
}

func (o *Owner[T, R]) releaseExpired(ctx context.Context) error {
	var keys []string
	err := o.inTx(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		keys, err = messagingdb.New(tx).KeysWithExpired(ctx, o.cfg.Topic, o.cfg.Now(), headsAtOnce)
		return err
	})
	if err != nil {
		return fmt.Errorf("look for expired requests: %w", err)
	}
	return o.releaseKeys(ctx, keys)
}

// readyKeys returns the keys, after the given one, whose first parked request waits no longer. last is the last key that it
// has looked at; it is empty if there are no more.
func (o *Owner[T, R]) readyKeys(ctx context.Context, after string) (ready []string, last string, err error) {
	err = o.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		ready, last = nil, ""
		heads, err := messagingdb.New(tx).ParkedHeads(ctx, o.cfg.Topic, after, headsAtOnce)
		if err != nil || len(heads) == 0 {
			return err
		}
		keys := make([]string, len(heads))
		for i, head := range heads {
			keys[i] = head.Key
		}
		versions, err := o.cfg.Versions(ctx, o.cfg.Bind(tx), keys)
		if err != nil {
			return err
		}
		for _, head := range heads {
			if versions[head.Key] >= head.Needs {
				ready = append(ready, head.Key)
			}
		}
		if len(heads) == headsAtOnce {
			last = keys[len(keys)-1]
		}
		return nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("look for parked requests: %w", err)
	}
	return ready, last, nil
}

// releaseKeys releases each key in a transaction of its own. A key that fails holds up no other key, unless the database is
// away.
func (o *Owner[T, R]) releaseKeys(ctx context.Context, keys []string) error {
	for _, key := range keys {
		for more := true; more; {
			var err error
			if more, err = o.releaseKey(ctx, key); err == nil {
				continue
			}
			if ctx.Err() != nil || postgres.IsUnavailable(err) {
				return err
			}
			o.log.LogAttrs(ctx, slog.LevelError, "the parked requests of a key cannot be decided", slog.String("topic", o.cfg.Topic),
				slog.String("key", key), slog.Any("error", err))
		}
	}
	return nil
}

// releaseKey decides about parked requests of a key in one transaction. If another transaction holds the lock of the key, it
// does nothing: that transaction releases the key itself, or kicks Run when it has parked a request.
func (o *Owner[T, R]) releaseKey(ctx context.Context, key string) (more bool, err error) {
	var tx T
	var s *session[T, R]
	err = o.inTx(ctx, func(ctx context.Context, raw pgx.Tx) error {
		more = false
		tx = o.cfg.Bind(raw)
		s = o.session(tx)
		last, err := s.q.TryLockNumber(ctx, o.cfg.Outcomes, key)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("lock the key of requests: %w", err)
		}
		s.numbers[key] = last
		more, err = s.release(ctx, key)
		return err
	})
	if err != nil {
		return false, err
	}
	if len(s.outcomes) > 0 {
		o.cfg.Committed(tx)
	}
	return more, nil
}

func (o *Owner[T, R]) inTx(ctx context.Context, f func(ctx context.Context, tx pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, txTimeout)
	defer cancel()
	return postgres.InTxBegunBy(ctx, o.pool, beginTx, func(tx pgx.Tx) error { return f(ctx, tx) })
}

// rest waits for d. It returns false if ctx is done before.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
