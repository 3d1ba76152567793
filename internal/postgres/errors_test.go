package postgres_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/netproxy"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// setup returns a database with one account.
func setup(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := pgtest.New(t)
	if _, err := pool.Exec(t.Context(), `CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL CHECK (balance >= 0));
		INSERT INTO account VALUES (1, 10)`); err != nil {
		t.Fatal(err)
	}
	return pool
}

func TestErrors(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	overdrawn := apperr.Coded(apperr.Conflict, "overdrawn", "There is not enough.")
	constraints := map[string]*apperr.Error{"account_balance_check": overdrawn}
	tests := map[string]struct {
		statement   string
		state       string
		kind        apperr.Kind
		unavailable bool
	}{
		"KnownConstraint":   {`UPDATE account SET balance = -1`, "23514", apperr.Conflict, false},
		"UnknownConstraint": {`INSERT INTO account VALUES (1, 1)`, "23505", apperr.Internal, false},
		"BadValue":          {`UPDATE account SET balance = 'x'::int`, "22P02", apperr.Invalid, false},
		"OurMistake":        {`SELECT nonsense`, "42703", apperr.Internal, false},
		"Killed":            {`SELECT pg_terminate_backend(pg_backend_pid())`, "57P01", apperr.Unavailable, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pool.Exec(t.Context(), tt.statement)
			if got := pgtx.SQLState(err); got != tt.state {
				t.Fatalf("SQLSTATE %q of %v, want %q", got, err, tt.state)
			}
			if got := apperr.KindOf(postgres.Translate(err, constraints)); got != tt.kind {
				t.Errorf("kind %s, want %s", got, tt.kind)
			}
			if got := postgres.IsUnavailable(err); got != tt.unavailable {
				t.Errorf("unavailable %t, want %t", got, tt.unavailable)
			}
		})
	}
}

func TestAServerThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	pool := pgtest.Open(t, "postgres://postgres@127.0.0.1:1/none?sslmode=disable") // no server listens on port 1
	err := postgres.InTx(t.Context(), pool, func(pgx.Tx) error { return nil })
	if !postgres.IsUnavailable(err) || apperr.KindOf(postgres.Translate(err, nil)) != apperr.Unavailable {
		t.Errorf("%v is not unavailable", err)
	}
	if postgres.IsUnavailable(context.Canceled) {
		t.Error("a canceled context counts as a fault of the database")
	}
}

// For a request, a server that refuses the session is away. A service that starts gets the reason and does not wait. The
// text for the public contains no names.
func TestAServerThatTakesNoSession(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(pgtest.NewURL(t))
	if err != nil {
		t.Fatal(err)
	}
	stranger, nowhere := *u, *u
	stranger.User = url.UserPassword("stranger", "swordfish")
	nowhere.Path = "/nowhere"
	for state, u := range map[string]url.URL{"28": stranger, "3D000": nowhere} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			err := postgres.InTx(t.Context(), pgtest.Open(t, u.String()), func(pgx.Tx) error { return nil })
			if got := pgtx.SQLState(err); !strings.HasPrefix(got, state) {
				t.Fatalf("%q, %v", got, err)
			}
			if apperr.KindOf(postgres.Translate(err, nil)) != apperr.Unavailable || postgres.IsUnavailable(err) {
				t.Errorf("%v: kind %s, unavailable %t", err, apperr.KindOf(postgres.Translate(err, nil)), postgres.IsUnavailable(err))
			}
			if brief := pgtx.Brief(err); !strings.Contains(brief, state) || strings.Contains(brief, "stranger") ||
				strings.Contains(brief, "nowhere") || strings.Contains(brief, u.Hostname()) {
				t.Errorf("the text is %s", brief)
			}
		})
	}
}

// A client can try again after a transaction that lost too often, and after one whose outcome is unknown.
func TestInTxIsUnavailable(t *testing.T) {
	t.Parallel()
	proxy, url := netproxy.NewURL(t, pgtest.NewURL(t))
	pool := pgtest.Open(t, url)
	tests := map[string]func(tx pgx.Tx) error{
		"too busy": func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE 'lost' USING ERRCODE = '40001'; END $$`)
			return err
		},
		"lost during the commit": func(pgx.Tx) error {
			proxy.Cut()
			return nil
		},
	}
	for _, detail := range []string{"too busy", "lost during the commit"} { // the second one cuts the connections
		err := postgres.InTx(t.Context(), pool, tests[detail])
		if apperr.KindOf(err) != apperr.Unavailable || !strings.Contains(err.Error(), detail) {
			t.Errorf("error %v, want unavailable: %s", err, detail)
		}
	}
}
