package postgres

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monsplit/monsplit/internal/apperr"
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
		if c := class(e.Code); c == "22" || c == "54" { // data exception, program limit exceeded
			return apperr.New(apperr.Invalid, "A value cannot be stored.").Because(err)
		}
	}
	if IsUnavailable(err) || refused(err) {
		return apperr.New(apperr.Unavailable, "The database is away.").Because(err)
	}
	return err
}

// refused reports whether no session could be opened, for example because a password is being changed or a database is
// being moved. For a request, the database is away then. For a service that starts, an answer of the server that refuses
// the session is a fault to report at once, and not a reason to wait.
func refused(err error) bool {
	_, is := errors.AsType[*pgconn.ConnectError](err)
	return is
}

// Brief returns a text of err that is safe to show to anyone. The text of a connection error would name the user, the
// database and the host, so Brief replaces it.
func Brief(err error) string {
	switch state := SQLState(err); {
	case !refused(err):
		return err.Error()
	case state != "":
		return "the database refuses the session (SQLSTATE " + state + ")"
	default:
		return "the database cannot be reached"
	}
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
	switch state := SQLState(err); state {
	case "":
	case "55P03", // lock_not_available: lock_timeout
		"25P03", "25P04", // idle_in_transaction_session_timeout, transaction_timeout: the server ended the connection
		"25006": // read_only_sql_transaction: a fail-over has begun, and this server is the standby
		return true
	default:
		switch class(state) {
		case "08", "53", "57", "40": // connection, resources, operator intervention, rolled back
			return true
		}
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}

// class returns the first two characters of an SQLSTATE (PostgreSQL manual, appendix A).
func class(state string) string {
	if len(state) < 2 {
		return ""
	}
	return state[:2]
}
