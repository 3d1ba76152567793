package pgtx

import (
	"errors"

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

// Brief returns a text of err that is safe to show to anyone. The text of a connection error would name the user, the
// database and the host, so Brief replaces it.
func Brief(err error) string {
	switch state := SQLState(err); {
	case !NoSession(err):
		return err.Error()
	case state != "":
		return "the database refuses the session (SQLSTATE " + state + ")"
	default:
		return "the database cannot be reached"
	}
}
