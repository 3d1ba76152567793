package request

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/monsplit/monsplit/internal/delay"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

const (
	cleanEvery    = 10 * time.Minute
	deletedAtOnce = 10_000 // bounds how long one statement holds its locks
)

// Clean deletes decided requests that are older than Keep, until ctx is done. Any number of instances may run it.
func (o *Owner[T, R]) Clean(ctx context.Context) error {
	for {
		if err := o.deleteOld(ctx); err != nil && ctx.Err() == nil {
			o.log.LogAttrs(ctx, slog.LevelWarn, "old decided requests cannot be deleted", slog.Any("error", err))
		}
		if !delay.For(ctx, cleanEvery) {
			return nil
		}
	}
}

// deleteOld keeps a request that has not expired: if it were delivered again, it would have a second effect.
func (o *Owner[T, R]) deleteOld(ctx context.Context) error {
	now := o.cfg.Now()
	for {
		n, err := messagingdb.New(o.pool).DeleteOldDecided(ctx, messagingdb.DeleteOldDecidedParams{
			Topic: o.cfg.Topic, DecidedBefore: now.Add(-o.cfg.Keep), ExpiredBefore: now, MaxRows: deletedAtOnce,
		})
		if err != nil {
			return fmt.Errorf("delete decided requests: %w", err)
		}
		if n < deletedAtOnce {
			return nil
		}
	}
}
