package consumer

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// Discard closes an open dead letter for good, without applying it. by and note record who decided that, and why. If the
// topic's function of Config.Discarded refuses, the dead letter stays open, and the error is an *Error with
// CodeDiscardFailed.
func (c *Consumer[T]) Discard(ctx context.Context, id int64, by, note string) (DeadLetter, error) {
	operator := audit.Operator{By: by, Reason: note}
	if err := checkOperator(operator); err != nil {
		return DeadLetter{}, err
	}
	var (
		letter DeadLetter
		used   []T
	)
	err := pgtx.Run(ctx, c.pool, beginTx, func(tx pgx.Tx) error {
		row, err := lockOpenLetter(ctx, tx, id)
		if err != nil {
			return err
		}
		if used, err = c.tellDiscarded(ctx, tx, row, by, note); err != nil {
			return err
		}
		if letter, err = closeLetter(ctx, tx, row.ID, Discarded, by, note, 0); err != nil {
			return err
		}
		return recordLetter(ctx, tx, operator, "dead-letters discard", letter)
	})
	if err != nil {
		return DeadLetter{}, err
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "a dead letter was discarded", slog.Int64("id", id), slog.String("by", by),
		slog.String("topic", letter.Topic), slog.String("key", letter.Key))
	c.committed(used)
	return letter, nil
}

// tellDiscarded calls the topic's function of Config.Discarded, and returns the transaction that it used.
func (c *Consumer[T]) tellDiscarded(
	ctx context.Context, tx pgx.Tx, row messagingdb.DeadLetter, by, note string,
) (used []T, err error) {
	tell := c.cfg.Discarded[row.Topic]
	if tell == nil {
		return nil, nil
	}
	it, err := toItem(row)
	if err != nil {
		return nil, err
	}
	serviceTx, failed, err := c.inSavepoint(ctx, tx, func(tx T) error { return tell(ctx, tx, it.event, by, note) })
	if err != nil {
		return nil, fmt.Errorf("discard dead letter %d: %w", row.ID, err)
	}
	if failed != nil {
		return nil, &Error{Code: CodeDiscardFailed, Detail: "it was not discarded: " + deadLetterReason(failed), Cause: failed}
	}
	return []T{serviceTx}, nil
}
