// Package idempotency owns the table of idempotency keys. It keeps the first answer to a request that carries an
// Idempotency-Key, in the transaction of the change that the answer reports: there is an answer if and only if the
// change was committed. It deletes answers that are older than the retention.
package idempotency

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
	idempotencydb "github.com/monsplit/monsplit/internal/idempotency/db"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// promised is how long the API promises to repeat a first answer, in api/*/openapi.yaml.
const promised = 24 * time.Hour

// Settings are the part of a service's configuration that is about idempotency keys. The tags are explained in
// internal/config.
type Settings struct {
	Retention        time.Duration `env:"IDEMPOTENCY_RETENTION" envDefault:"24h" about:"how long the first answer to a request with an Idempotency-Key is kept and repeated; 24h or longer, because the API promises 24 hours"`
	MaxKeys          int64         `env:"IDEMPOTENCY_MAX_KEYS" envDefault:"1000000" about:"how many idempotency keys are kept in all. A request with another one is answered with 429. They are counted every 10 seconds, so there may be a few more"`
	MaxKeysPerCaller int64         `env:"IDEMPOTENCY_MAX_KEYS_PER_CALLER" envDefault:"500000" about:"how many idempotency keys of one caller are kept. Of requests without a token, each client address (of IPv6: each /64 network) counts as a caller. At most IDEMPOTENCY_MAX_KEYS"`
}

// The bounds without a setting.
const (
	defaultMaxKeys          = 1_000_000
	defaultMaxKeysPerCaller = 500_000
)

// Validate checks the values. must reports a fault of the variable unless ok.
func (s Settings) Validate(must func(ok bool, variable, detail string, args ...any)) {
	must(s.Retention >= promised, "IDEMPOTENCY_RETENTION", "is %s, but must be 24h or longer: the API promises 24 hours", s.Retention)
	must(s.MaxKeys >= 1, "IDEMPOTENCY_MAX_KEYS", "is %d, but must be 1 or more", s.MaxKeys)
	must(s.MaxKeysPerCaller >= 1 && (s.MaxKeys < 1 || s.MaxKeysPerCaller <= s.MaxKeys), "IDEMPOTENCY_MAX_KEYS_PER_CALLER",
		"is %d, but must be between 1 and IDEMPOTENCY_MAX_KEYS (%d)", s.MaxKeysPerCaller, s.MaxKeys)
}

// Keys are the idempotency keys of a service with their first answers. The zero value keeps an answer for 24 hours.
type Keys struct{ settings Settings }

// New returns the keys. A setting of zero is its default.
func New(s Settings) Keys { return Keys{s} }

// kept is how long an answer is repeated. Later the row counts as absent, also before it is deleted.
func (k Keys) kept() time.Duration { return cmp.Or(k.settings.Retention, promised) }

// ofACaller is how many keys of one caller are kept.
func (k Keys) ofACaller() int64 { return cmp.Or(k.settings.MaxKeysPerCaller, defaultMaxKeysPerCaller) }

// Recall decodes into first the answer that Remember kept under id within the retention, and reports whether there was
// one. It fails with Invalid if that answer belongs to a request with another fingerprint, and with InProgress while
// another transaction works on the same id. If no more keys are kept for the caller in the context, or in all, it fails with
// TooMany: a request that could not be repeated must not take effect.
//
// Schedule: the same request arrives twice at the same time. Without the lock, neither request would find an answer, and
// both would take effect. The second request could wait for the first, but it would hold a connection while it waits. So
// it is refused.
func (k Keys) Recall(ctx context.Context, tx pgx.Tx, id, fingerprint [32]byte, first any) (found bool, err error) {
	q := idempotencydb.New(tx)
	row, err := q.TryLockRequest(ctx, int64(binary.BigEndian.Uint64(id[:8])), caller.Account(ctx))
	if err != nil {
		return false, fmt.Errorf("lock the idempotency key: %w", err)
	}
	if !row.Locked {
		return false, apperr.New(apperr.InProgress, "The same request is still in progress.")
	}
	// This must be a separate statement: its snapshot is younger than the lock, so it sees what the last holder committed.
	answer, err := q.GetFirstAnswer(ctx, id[:], k.kept())
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, k.roomFor(row.OwnKeys, row.AllKeys)
	case err != nil:
		return false, fmt.Errorf("read the first answer: %w", err)
	case !bytes.Equal(answer.Fingerprint, fingerprint[:]):
		return false, apperr.Coded(apperr.Invalid, "idempotency-key-reused",
			"This Idempotency-Key was used with another request.")
	}
	if err := strictjson.Unmarshal(answer.Result, first); err != nil {
		return false, fmt.Errorf("decode the first answer: %w", err)
	}
	return true, nil
}

// Room fails with TooMany if no more keys are kept for the caller in the context, or in all. It is for requests to other
// services: internal/messaging/request stores them with their keys.
func (k Keys) Room(ctx context.Context, tx pgx.Tx) error {
	stored, err := idempotencydb.New(tx).GetUsage(ctx, caller.Account(ctx))
	if err != nil {
		return fmt.Errorf("read how many idempotency keys are stored: %w", err)
	}
	return k.roomFor(stored.OwnKeys, stored.AllKeys)
}

// roomFor returns an error if no more keys are kept.
func (k Keys) roomFor(own, all int64) error {
	if own < k.ofACaller() && all < cmp.Or(k.settings.MaxKeys, defaultMaxKeys) {
		return nil
	}
	return apperr.Coded(apperr.TooMany, "too-many-keys",
		"The service keeps no more idempotency keys. This request has changed nothing. Send it later, or without a key.")
}

// Remember keeps answer under id. Recall must have reported in the same transaction that there was none.
func (k Keys) Remember(ctx context.Context, tx pgx.Tx, id, fingerprint [32]byte, answer any) error {
	result, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encode the first answer: %w", err)
	}
	if err := idempotencydb.New(tx).KeepFirstAnswer(ctx, idempotencydb.KeepFirstAnswerParams{
		ID: id[:], Fingerprint: fingerprint[:], Result: result, Caller: caller.Account(ctx),
	}); err != nil {
		return fmt.Errorf("keep the first answer: %w", err)
	}
	return nil
}

// deletedAtOnce bounds one statement of DeleteOld, and so how long it holds its locks.
const deletedAtOnce = 10_000

// DeleteOld deletes the answers that are older than the retention. Several instances may call it at the same time.
func (k Keys) DeleteOld(ctx context.Context, pool *pgxpool.Pool) error {
	for {
		n, err := idempotencydb.New(pool).DeleteOldAnswers(ctx, k.kept(), deletedAtOnce)
		if err != nil {
			return fmt.Errorf("delete old idempotency keys: %w", err)
		}
		if n < deletedAtOnce {
			return nil
		}
	}
}

// countEvery is the time between two counts of the keys. One count reads all keys.
const countEvery = 10 * time.Second

// Count counts the stored keys, for the bounds, also those of requests to other services. It does nothing if they were counted a
// moment ago, or if another instance counts them.
func (k Keys) Count(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		q := idempotencydb.New(tx)
		may, err := q.MayCount(ctx)
		written := int64(0)
		if err == nil && may {
			written, err = q.CountKeys(ctx, k.ofACaller(), countEvery-time.Second)
		}
		if err == nil && written > 0 {
			err = q.DeleteOlderCounts(ctx)
		}
		if err != nil {
			return fmt.Errorf("count the idempotency keys: %w", err)
		}
		return nil
	})
}
