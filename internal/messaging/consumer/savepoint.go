package consumer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgtx"
)

// inSavepoint calls f within a savepoint, so that tx stays usable if f fails. If the failure is the event's own fault, the
// effects of f are rolled back, and the failure is returned as failed. After any other error tx is of no use.
func (c *Consumer[T]) inSavepoint(ctx context.Context, tx pgx.Tx, f func(T) error) (serviceTx T, failed, err error) {
	savepoint, err := tx.Begin(ctx)
	if err != nil {
		return serviceTx, nil, fmt.Errorf("begin a savepoint: %w", err)
	}
	serviceTx = c.cfg.Bind(savepoint)
	err = catchPanic(func() error { return f(serviceTx) })
	if err == nil {
		err = checkConstraints(ctx, savepoint)
	}
	if err == nil {
		return serviceTx, nil, savepoint.Commit(ctx)
	}
	if _, is := c.poisonCode(err); !is {
		return serviceTx, nil, err
	}
	if failed := savepoint.Rollback(ctx); failed != nil {
		return serviceTx, nil, failed
	}
	err = pgtx.MarkUsedNumber(ctx, tx, err)
	if _, is := c.poisonCode(err); !is {
		return serviceTx, nil, err
	}
	return serviceTx, err, nil
}

// checkConstraints checks the deferred constraints: at COMMIT it would be too late to store their failure. They stay
// deferred, because the mode that a savepoint has set ends with its rollback.
func checkConstraints(ctx context.Context, tx pgx.Tx) error {
	savepoint, err := tx.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin a savepoint: %w", err)
	}
	if _, err := savepoint.Exec(ctx, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return err
	}
	return savepoint.Rollback(ctx)
}
