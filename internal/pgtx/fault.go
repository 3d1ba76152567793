package pgtx

import (
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// machinery returns the beginnings of the names of the tables in which no value can be the fault of an event or a request: the
// schema of sql/messaging. The programs that write to them have checked the values.
func machinery() []string {
	return []string{"outbox_", "consumer_", "dead_letter", "message_number", "sent_request", "decided_request", "parked_request",
		"wake_channel", "operator_action", "idempotency_key"}
}

// DataFault reports whether err says that a value cannot be stored. The same event or request would then fail again. Faults of the
// tables do not count: a missing partition, a sequence that is used up or was set back, a constraint of the machinery's own tables, a missing column
// (class 42), a statement that is too complex.
func DataFault(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || NoRoom(err) || UsedNumber(err) {
		return false
	}
	switch Class(err) {
	case "22": // data exception
		return true
	case "54": // program limit exceeded; 54000 is a value that is too large for an index
		return e.Code == "54000"
	case "23": // constraint
		return !slices.ContainsFunc(machinery(), func(prefix string) bool { return strings.HasPrefix(e.TableName, prefix) })
	default:
		return false
	}
}

// NoRoom reports whether err says that a table or a sequence cannot take any row, whatever its values are: it has no partition
// for the row (PostgreSQL names the table, but no constraint), or its sequence has reached its end.
func NoRoom(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "23514" && e.TableName != "" && e.ConstraintName == "" || e.Code == "2200H")
}
