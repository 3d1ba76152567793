package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func TestEverySessionIsBounded(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t)
	tests := map[string]struct {
		cfg  postgres.Config
		want map[string]string
	}{
		"Defaults": {postgres.Config{URL: url}, map[string]string{"application_name": "monsplit", "statement_timeout": "30s",
			"lock_timeout": "10s", "idle_in_transaction_session_timeout": "1min", "TimeZone": "UTC", "transaction_isolation": "read committed", "synchronous_commit": "on", "plan_cache_mode": "force_custom_plan"}},
		"Chosen": {postgres.Config{URL: url, Application: "a", StatementTimeout: time.Minute, LockTimeout: time.Second},
			map[string]string{"application_name": "a", "statement_timeout": "1min", "lock_timeout": "1s"}},
		"CommitsAreDurable":     {postgres.Config{URL: url + "&synchronous_commit=off"}, map[string]string{"synchronous_commit": "on"}},
		"AStrongerCommitIsKept": {postgres.Config{URL: url + "&synchronous_commit=remote_apply"}, map[string]string{"synchronous_commit": "remote_apply"}},
		"TheURLGoesFirst": {postgres.Config{URL: url + "&lock_timeout=2000&application_name=u&timezone=CET", Application: "a"},
			map[string]string{"application_name": "u", "lock_timeout": "2s", "TimeZone": "UTC"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool, err := postgres.Open(t.Context(), tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			for setting, want := range tt.want {
				var got string
				if err := pool.QueryRow(t.Context(), `SELECT current_setting($1)`, setting).Scan(&got); err != nil || got != want {
					t.Errorf("%s is %q, %v; want %q", setting, got, err, want)
				}
			}
		})
	}
}

// A server, database or role with synchronous_commit = off reports a commit before it is on disk. A crash would lose a change
// whose event may already be in Kafka.
func TestACommitSurvivesACrash(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t)
	url := server.NewURL()
	pool := pgtest.Open(t, url)
	for _, statement := range []string{`CREATE TABLE kept (n int)`, `ALTER SYSTEM SET synchronous_commit = off`, `ALTER SYSTEM SET wal_writer_delay = '10s'`,
		`CHECKPOINT`, `SELECT pg_reload_conf()`} {
		if _, err := pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	pool.Close()
	pool = pgtest.Open(t, url)
	for n := range 20 { // the WAL writer is asleep for most of them
		if err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO kept VALUES ($1)`, n)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	server.Kill()
	server.Start()
	pool.Reset()
	var kept int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM kept`).Scan(&kept); err != nil || kept != 20 {
		t.Errorf("%d of 20 commits survived a crash (%v)", kept, err)
	}
}

func TestABadURLIsAnErrorThatKeepsThePassword(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://u:secret@host:port/db"})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

// If a transaction holds a lock for long, others give up and do not hang.
func TestALockTimeoutIsUnavailable(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context()) //nolint:errcheck // the test ends here
	if _, err := tx.Exec(t.Context(), `UPDATE account SET balance = 1 WHERE id = 1`); err != nil {
		t.Fatal(err)
	}
	impatient, err := postgres.Open(t.Context(), postgres.Config{URL: pgtest.URL(pool), LockTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer impatient.Close()
	err = postgres.InTx(t.Context(), impatient, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE account SET balance = 2 WHERE id = 1`)
		return err
	})
	if pgtx.SQLState(err) != "55P03" || apperr.KindOf(postgres.Translate(err, nil)) != apperr.Unavailable {
		t.Errorf("error %v, want lock_not_available, unavailable", err)
	}
}

// For each SQLSTATE of the server (PostgreSQL manual, appendix A): what a caller can do about it.
func TestKindsOfSQLStates(t *testing.T) {
	t.Parallel()
	tests := map[string]apperr.Kind{
		"08006": apperr.Unavailable, "40P01": apperr.Unavailable, "53300": apperr.Unavailable, "57P03": apperr.Unavailable,
		"57014": apperr.Unavailable, "55P03": apperr.Unavailable, "25P03": apperr.Unavailable, "25006": apperr.Unavailable,
		"22021": apperr.Invalid, "22P05": apperr.Invalid, "54000": apperr.Invalid,
		"54001": apperr.Internal, "23505": apperr.Internal, "42P01": apperr.Internal, "25P02": apperr.Internal, "28P01": apperr.Internal,
		"MS001": apperr.Internal, "XX000": apperr.Internal,
	}
	for state, want := range tests {
		err := fmt.Errorf("while asking: %w", &pgconn.PgError{Code: state})
		if got := apperr.KindOf(postgres.Translate(err, nil)); got != want {
			t.Errorf("%s: %s, want %s", state, got, want)
		}
		if got := postgres.IsUnavailable(err); got != (want == apperr.Unavailable) {
			t.Errorf("%s: unavailable %t", state, got)
		}
	}
}

// A table without a partition for a row, and a sequence that is at its end or was set back, refuse all rows. That is no fault of a value.
func TestNoRoomIsUnavailable(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	for what, statement := range map[string]string{
		"no partition": `CREATE TABLE parted (n int) PARTITION BY RANGE (n); INSERT INTO parted VALUES (1)`,
		"used number":  `CREATE TABLE counted (n int GENERATED BY DEFAULT AS IDENTITY UNIQUE); INSERT INTO counted VALUES (1); INSERT INTO counted DEFAULT VALUES`,
		"used serial":  `CREATE TABLE serial (n serial PRIMARY KEY); INSERT INTO serial VALUES (1); INSERT INTO serial DEFAULT VALUES`,
		"no number":    `CREATE SEQUENCE short MAXVALUE 2; SELECT nextval('short'), nextval('short'), nextval('short')`,
	} {
		table, rest, _ := strings.Cut(statement, "; ")
		if _, err := pool.Exec(t.Context(), table); err != nil {
			t.Fatal(err)
		}
		err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), rest, pgx.QueryExecModeSimpleProtocol)
			return err
		})
		if kind := apperr.KindOf(postgres.Translate(err, nil)); err == nil || kind != apperr.Unavailable || pgtx.DataFault(err) {
			t.Errorf("%s: %v is %s, and a fault of a value: %t", what, err, kind, pgtx.DataFault(err))
		}
	}
}
