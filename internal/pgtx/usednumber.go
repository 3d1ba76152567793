package pgtx

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// usedNumberError marks the violation of a unique constraint by a number that the database has generated.
type usedNumberError struct{ err error }

func (e *usedNumberError) Error() string {
	return "the database has generated a number that is in use, because its sequence was set back: " + e.err.Error()
}

func (e *usedNumberError) Unwrap() error { return e.err }

// UsedNumber reports whether a row was refused because its generated number was in use. Its sequence was set back, so the same
// happens to every row until the sequence has passed the highest number. Only errors of Run and of MarkUsedNumber tell this.
func UsedNumber(err error) bool {
	_, is := errors.AsType[*usedNumberError](err)
	return is
}

// MarkUsedNumber returns err so that UsedNumber knows it, if err is the violation of a unique constraint whose only column is
// generated. PostgreSQL reports the same error for a value of the row. If it cannot be found out, the error is that of the database.
func MarkUsedNumber(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || e.Code != "23505" || UsedNumber(err) {
		return err
	}
	var generated bool
	if failed := db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace n JOIN pg_class t ON t.relnamespace = n.oid
		JOIN pg_constraint c ON c.conrelid = t.oid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1]
		LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
		WHERE n.nspname = $1 AND t.relname = $2 AND c.conname = $3 AND cardinality(c.conkey) = 1
			AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%'))`,
		e.SchemaName, e.TableName, e.ConstraintName).Scan(&generated); failed != nil {
		return fmt.Errorf("look whether a number was generated: %w (after %v)", failed, err) //nolint:errorlint // err may not be the reason
	}
	if generated {
		return &usedNumberError{err}
	}
	return err
}
