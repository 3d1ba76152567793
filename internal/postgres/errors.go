package postgres

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// Translate turns an error of the storage into one that the caller can act on: a violated constraint into the error in
// constraints under its name, a database that is away into apperr.Unavailable, and a value that PostgreSQL cannot store
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
	switch pgtx.Class(err) {
	case "22", "54": // data exception, program limit exceeded
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
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if apperr.KindOf(err) == apperr.Unavailable {
		return true
	}
	switch pgtx.SQLState(err) {
	case "":
	case "55P03", // lock_not_available: lock_timeout
		"25P03", "25P04", // idle_in_transaction_session_timeout, transaction_timeout: the server ended the connection
		"25006": // read_only_sql_transaction: a fail-over has begun, and this server is the standby
		return true
	default:
		switch pgtx.Class(err) {
		case "08", "53", "57", "40": // connection, resources, operator intervention, rolled back
			return true
		}
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return pgtx.NoSession(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}
