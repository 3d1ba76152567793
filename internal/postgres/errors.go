package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// Translate turns an error of the storage into one that the caller can act on: a violated constraint into the error in
// constraints under its name, a lock that was not released in time, and a database that is away or has no room into apperr.Unavailable, and a value that PostgreSQL cannot store
// into apperr.Invalid. All other errors stay as they are, also an apperr.Error.
func Translate(err error, constraints map[string]*apperr.Error) error {
	if err == nil {
		return nil
	}
	if _, ok := apperr.As(err); ok {
		return err
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		if known := constraints[e.ConstraintName]; known != nil && e.ConstraintName != "" {
			return known.Because(err)
		}
	}
	if pgtx.SQLState(err) == "55P03" { // lock_not_available: lock_timeout
		return admission.Locked().Because(err)
	}
	if pgtx.NoRoom(err) || pgtx.UsedNumber(err) { // the maintenance of the outbox makes room, and each try takes the next number
		full := apperr.New(apperr.Unavailable, "The database has no room for the change yet.").Because(err)
		full.OwnFault = true
		return full
	}
	if class := pgtx.Class(err); (class == "22" || class == "54") && pgtx.DataFault(err) {
		return apperr.New(apperr.Invalid, "A value cannot be stored.").Because(err)
	}
	// If the server refuses the session, for example because a password is being changed, the database is away for a
	// request. IsUnavailable does not count that: a service that starts must report it at once, and not wait.
	if IsUnavailable(err) || pgtx.NoSession(err) {
		return apperr.New(apperr.Unavailable, "The database is away.").Because(err)
	}
	return err
}

// IsUnavailable reports whether err means that the database could not be reached or could not answer, so that a later try
// may help. A context that the caller canceled does not count.
func IsUnavailable(err error) bool {
	return pgtx.Unavailable(err) || err != nil && !errors.Is(err, context.Canceled) && apperr.KindOf(err) == apperr.Unavailable
}
