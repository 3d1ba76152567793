package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monsplit/monsplit/internal/pgtx"
)

// A pooler such as PgBouncer in transaction mode lends a session of the server for one transaction. What belongs to a session does
// not work through it: settings, prepared statements, LISTEN, temporary tables. The relay, the consumer and the commands need
// that. Requests need only the settings, and a server can give those to each of its sessions.

// requireOwnSession lets the driver refuse sessions that a pooler lends.
func requireOwnSession(config *pgconn.Config) {
	config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		result := conn.ExecParams(ctx, "SELECT pg_backend_pid()", nil, nil, nil, nil).Read()
		if result.Err != nil {
			return fmt.Errorf("ask whose session this is: %w", result.Err)
		}
		// The server tells its process when the session begins. A pooler tells a number of its own.
		if string(result.Rows[0][0]) != strconv.FormatUint(uint64(conn.PID()), 10) {
			return &pgtx.SessionFault{Advice: pgtx.AdviceDirectURL}
		}
		return nil
	}
}

// lendSessions lets the driver work with sessions that a pooler lends. It prepares no statements, and it refuses a session whose
// settings would break what the service promises.
func lendSessions(config *pgx.ConnConfig) {
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		result := conn.ExecParams(ctx, "SELECT name, setting FROM pg_settings WHERE name = ANY (string_to_array($1, ','))",
			[][]byte{[]byte(strings.Join(slices.Collect(maps.Keys(lentSettings())), ","))}, nil, nil, nil).Read()
		if result.Err != nil {
			return fmt.Errorf("read the settings of a session: %w", result.Err)
		}
		has := map[string]string{}
		for _, row := range result.Rows {
			has[string(row[0])] = string(row[1])
		}
		if mend := statementsFor(has); mend != "" {
			return &pgtx.SessionFault{Advice: "sessions of DATABASE_URL, which a pooler lends, lack settings. Run this as the service's role, at DATABASE_DIRECT_URL: " +
				mend + " Then let the pooler open its sessions again (RECONNECT in PgBouncer)"}
		}
		return nil
	}
}

// lentSettings returns the settings that the server must give to sessions of a pooler, because a pooler passes none on.
func lentSettings() map[string]string {
	settings := pgtx.PlannerSettings()
	maps.Copy(settings, limits(Config{}))
	settings["default_transaction_isolation"] = "read committed"
	settings["synchronous_commit"] = pgtx.DurableCommit("")
	return settings
}

// statementsFor returns the SQL that gives a role the settings that its sessions lack, or "".
func statementsFor(has map[string]string) string {
	var sql strings.Builder
	want := lentSettings()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		_, limit := limits(Config{})[name]
		switch {
		case has[name] == want[name], limit && has[name] != "0", // an operator may choose other limits
			name == "synchronous_commit" && pgtx.DurableCommit(has[name]) == has[name]:
		default:
			fmt.Fprintf(&sql, "ALTER ROLE CURRENT_USER SET %s = '%s'; ", name, want[name])
		}
	}
	return strings.TrimSpace(sql.String())
}

// ErrOtherDatabase means that DATABASE_URL and DATABASE_DIRECT_URL lead to different databases. What requests write would never be
// published.
var ErrOtherDatabase = errors.New("DATABASE_URL and DATABASE_DIRECT_URL lead to different databases or servers: both must lead to the same one, which takes writes")

// SameDatabase returns ErrOtherDatabase unless both pools lead to the same database of the same server. Copies of a database have
// its name and its identifiers, but not its locks.
func SameDatabase(ctx context.Context, one, other *Pool) error {
	key := rand.Int64() //nolint:gosec // it only has to differ from the other keys of this moment
	return pgx.BeginFunc(ctx, one, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, key); err != nil {
			return fmt.Errorf("compare the databases of both URLs: %w", err)
		}
		var free bool
		if err := other.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, key).Scan(&free); err != nil {
			return fmt.Errorf("compare the databases of both URLs: %w", err)
		}
		if free {
			return ErrOtherDatabase
		}
		return nil
	})
}
