package postgres

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Translate turns an error of storage into what its caller can act on: a violated constraint into the error given for
// its name, a database that is away into apperr.Unavailable, a value that PostgreSQL cannot hold into apperr.Invalid.
// Everything else, errors of this kind already included, stays as it is.
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

// refused says whether the server took no session: a password that is being changed, a database that is being moved. To
// somebody who waits for an answer it is away; to one who starts up it is a fault to tell at once, and no reason to wait.
func refused(err error) bool {
	_, is := errors.AsType[*pgconn.ConnectError](err)
	return is
}

// Brief is what may be told of an error where anybody may read it: one of connecting names the user, the database and the
// host.
func Brief(err error) string {
	switch state := SQLState(err); {
	case !refused(err):
		return err.Error()
	case state != "":
		return "the database takes no session (SQLSTATE " + state + ")"
	default:
		return "the database cannot be reached"
	}
}

// IsUnavailable says whether err means that the database could not be asked, or not answer now: trying again later may
// help. A context that the caller ended is not such an error.
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
		"25006": // read_only_sql_transaction: a fail-over has begun, this is the standby
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

// class is the first two characters of an SQLSTATE (PostgreSQL manual, appendix A).
func class(state string) string {
	if len(state) < 2 {
		return ""
	}
	return state[:2]
}
