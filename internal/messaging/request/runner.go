package request

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/delay"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/pgtx"
)

const (
	headsAtOnce = 1000 // keys that one query looks at
	// restFactor makes Run rest, after a look at the parked requests, this many times as long as the look took. While a
	// hundred thousand keys wait, the look at them must not occupy the database.
	restFactor = 4
	minRest    = 10 * time.Millisecond // one look covers the commits of this time
	txTimeout  = time.Minute           // of one transaction
)

// beginTx pins the planner to indexes: the table of parked requests is usually empty, and large at times. A row that another
// transaction holds for long delays only the requests that need it.
const beginTx = pgtx.BeginPinned + `; SET LOCAL lock_timeout = '1s'`

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
		if !delay.For(ctx, max(minRest, restFactor*time.Since(started))) {
			return nil
		}
		sweep.Reset(o.cfg.Sweep)
	}
}

// releaseAll decides about all parked requests that can be decided.
func (o *Owner[T, R]) releaseAll(ctx context.Context) error {
	for _, find := range []func(ctx context.Context, tx pgx.Tx, after string) (page, error){o.expiredKeys, o.readyKeys} {
		if err := o.releaseFound(ctx, find); err != nil {
			return err
		}
	}
	return nil
}

// page is a part of the keys that have parked requests.
type page struct {
	keys []string // whose requests can be decided
	last string   // the last key that was looked at; empty if there are no more
}

// releaseFound releases the keys that find returns, page by page.
func (o *Owner[T, R]) releaseFound(ctx context.Context, find func(ctx context.Context, tx pgx.Tx, after string) (page, error)) error {
	for after := ""; ; {
		var found page
		err := o.inTx(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
			found, err = find(ctx, tx, after)
			return err
		})
		if err != nil {
			return fmt.Errorf("look for parked requests: %w", err)
		}
		if err := o.releaseKeys(ctx, found.keys); err != nil || found.last == "" {
			return err
		}
		after = found.last
	}
}

// expiredKeys finds the keys that have expired requests.
func (o *Owner[T, R]) expiredKeys(ctx context.Context, tx pgx.Tx, after string) (page, error) {
	keys, err := messagingdb.New(tx).KeysWithExpired(ctx, messagingdb.KeysWithExpiredParams{
		Topic: o.cfg.Topic, Now: o.cfg.Now(), After: after, MaxRows: headsAtOnce,
	})
	return page{keys, lastOf(keys)}, err
}

// readyKeys finds the keys whose first parked request waits no longer.
func (o *Owner[T, R]) readyKeys(ctx context.Context, tx pgx.Tx, after string) (page, error) {
	heads, err := messagingdb.New(tx).ParkedHeads(ctx, o.cfg.Topic, after, headsAtOnce)
	if err != nil || len(heads) == 0 {
		return page{}, err
	}
	keys := make([]string, len(heads))
	for i, head := range heads {
		keys[i] = head.Key
	}
	versions, err := o.cfg.Versions(ctx, o.cfg.Bind(tx), keys)
	if err != nil {
		return page{}, err
	}
	found := page{last: lastOf(keys)}
	for _, head := range heads {
		if versions[head.Key] >= head.Needs {
			found.keys = append(found.keys, head.Key)
		}
	}
	return found, nil
}

// lastOf returns the last key of a full page, or "".
func lastOf(keys []string) string {
	if len(keys) < headsAtOnce {
		return ""
	}
	return keys[len(keys)-1]
}

// releaseKeys releases each key in a transaction of its own. A key that fails holds up no other key, unless there is no
// connection to the database.
func (o *Owner[T, R]) releaseKeys(ctx context.Context, keys []string) error {
	for _, key := range keys {
		for more := true; more; {
			var err error
			if more, err = o.releaseKey(ctx, key); err == nil {
				continue
			}
			if ctx.Err() != nil || pgtx.SQLState(err) == "" && pgtx.Unavailable(err) && !errors.Is(err, context.DeadlineExceeded) {
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
	return pgtx.Run(ctx, o.pool, beginTx, func(tx pgx.Tx) error { return f(ctx, tx) })
}
