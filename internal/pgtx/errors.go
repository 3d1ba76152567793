package pgtx

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// SQLState returns the five-character code that the server reported, or "" if the error did not come from the server.
func SQLState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// Class returns the first two characters of err's SQLSTATE (PostgreSQL manual, appendix A), or "".
func Class(err error) string {
	if state := SQLState(err); len(state) >= 2 {
		return state[:2]
	}
	return ""
}

// NoSession reports whether no session could be opened: the server could not be reached, or it refused the session.
func NoSession(err error) bool {
	_, is := errors.AsType[*pgconn.ConnectError](err)
	return is
}

// Unavailable reports whether err means that the database could not be reached or could not answer, so that a later try may
// help. A context that the caller canceled does not count.
func Unavailable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	switch SQLState(err) {
	case "":
	case "55P03", // lock_not_available: lock_timeout
		"25P03", "25P04", // idle_in_transaction_session_timeout, transaction_timeout: the server ended the connection
		"25006": // read_only_sql_transaction: a fail-over has begun, and this server is the standby
		return true
	default:
		switch Class(err) {
		case "08", "53", "57", "40": // connection, resources, operator intervention, rolled back
			return true
		}
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return NoSession(err) || errors.Is(err, ErrOutcomeUnknown) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed) || pgconn.SafeToRetry(err)
}

// Brief returns a text of err that is safe to show to anyone. The text of a connection error would name the user, the
// database and the host, so Brief replaces it.
func Brief(err error) string {
	switch state, refusal := SQLState(err), Refusal(err); {
	case !NoSession(err):
		return withoutAddresses(err)
	case refusal != "":
		return refusal
	case state != "":
		return "the database refuses the session (SQLSTATE " + state + ")"
	default:
		return "the database cannot be reached"
	}
}

// withoutAddresses returns err's text. If a connection has failed, the text does not have the addresses of its ends.
func withoutAddresses(err error) string {
	text := err.Error()
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		text = strings.ReplaceAll(text, failed.Error(), failed.Err.Error())
	}
	return text
}
