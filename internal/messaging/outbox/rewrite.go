package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/pgtx"
)

// rewriteAt is the size in bytes at which a table of a few rows is written anew. It then has some 50,000 dead versions.
const rewriteAt = 4 << 20

// rewriteSmallTables writes the tables of leases and instances anew if they have many dead versions. All their rows change each
// second. While somebody keeps a transaction open, vacuum removes no version, and each renewal reads all of them: after two weeks
// a lease would end before its renewal does. TRUNCATE removes the versions nevertheless.
func rewriteSmallTables(ctx context.Context, pool *pgxpool.Pool) error {
	var errs []error
	for _, table := range []string{"outbox_lease", "outbox_instance"} {
		var bytes int64
		err := pool.QueryRow(ctx, `SELECT pg_relation_size($1::regclass)`, table).Scan(&bytes)
		if err == nil && bytes >= rewriteAt {
			err = rewriteBetweenRenewals(ctx, pool, table)
		}
		if pgtx.SQLState(err) == "55P03" { // lock_not_available
			err = errors.New("another session holds a lock on it for long: pg_locks shows it")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s has %d MB of dead rows, because a transaction is open for long, and cannot be written anew: %w",
				table, bytes>>20, err))
		}
	}
	return errors.Join(errs...)
}

// rewriteBetweenRenewals tries a few times: a renewal that reads many dead versions holds its lock longer than a try waits.
func rewriteBetweenRenewals(ctx context.Context, pool *pgxpool.Pool, table string) (err error) {
	const tries = 5
	for range tries {
		if err = rewrite(ctx, pool, table); pgtx.SQLState(err) != "55P03" { // lock_not_available
			break
		}
	}
	return err
}

// rewrite empties a table and writes its rows again. The lease pass waits for the lock, for a few milliseconds.
func rewrite(ctx context.Context, pool *pgxpool.Pool, table string) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '100ms'; LOCK TABLE `+table+` IN ACCESS EXCLUSIVE MODE`,
			pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		var rows json.RawMessage
		if err := tx.QueryRow(ctx, `SELECT coalesce(jsonb_agg(t), '[]') FROM `+table+` t`).Scan(&rows); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `TRUNCATE `+table); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO `+table+` SELECT * FROM jsonb_populate_recordset(null::`+table+`, $1)`, rows)
		return err
	})
}
