package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// InTx runs f in one transaction, as pgtx.Run does. A client that gets apperr.Unavailable after a lost COMMIT finds out
// what happened by sending the request again with the same idempotency key.
func InTx(ctx context.Context, pool DB, f func(tx pgx.Tx) error) error {
	err := pgtx.Run(ctx, pool, "", f)
	switch {
	case errors.Is(err, pgtx.ErrBusy):
		return apperr.New(apperr.Unavailable, "The database is too busy with changes to the same things.").Because(err)
	case errors.Is(err, pgtx.ErrOutcomeUnknown):
		return apperr.New(apperr.Unavailable,
			"The connection to the database was lost during the commit. The change may have been saved.").Because(err)
	default:
		return err
	}
}
