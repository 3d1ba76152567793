package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// A copy of a database has the identifiers of the original, and a pooler may lead to a standby.
func TestSameDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t)
	copied := pgtest.CopyOf(t, url)
	for name, tt := range map[string]struct {
		other string
		want  error
	}{
		"Same": {url, nil}, "Copy": {copied, postgres.ErrOtherDatabase}, "OtherServer": {pgtest.NewServer(t).NewURL(), postgres.ErrOtherDatabase},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := postgres.SameDatabase(t.Context(), pgtest.Open(t, url), pgtest.Open(t, tt.other)); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// A pooler passes no settings on. A session without those of the server is refused, and the refusal says what to run.
func TestLentSessionsNeedTheSettingsOfTheServer(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t) // the settings are those of a role
	url := server.NewURL()
	open := func() error {
		pool, err := postgres.Open(t.Context(), postgres.Config{URL: url, Pooled: true})
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		return postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `SELECT $1::int`, 1)
			return err
		})
	}
	direct := pgtest.Open(t, url)
	run := func(statement string) {
		t.Helper()
		if _, err := direct.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	err := open()
	_, advice, _ := strings.Cut(pgtx.Refusal(err), "DATABASE_DIRECT_URL: ")
	statements, _, _ := strings.Cut(advice, " Then ")
	for _, setting := range []string{"plan_cache_mode", "enable_seqscan", "statement_timeout"} {
		if !strings.Contains(statements, "SET "+setting+" = ") {
			t.Errorf("it does not say to set %s: %v", setting, err)
		}
	}
	run(statements)
	if err := open(); err != nil {
		t.Error(err)
	}
	for setting, want := range map[string]string{
		"synchronous_commit = off": "refused", "synchronous_commit = remote_apply": "", "lock_timeout = '2s'": "", "lock_timeout = 0": "refused",
		"enable_seqscan = on": "refused", "default_transaction_isolation = 'serializable'": "refused",
	} {
		name, _, _ := strings.Cut(setting, " ")
		run("ALTER ROLE CURRENT_USER SET " + setting)
		if err := open(); (err != nil) != (want == "refused") || want == "refused" && !strings.Contains(pgtx.Refusal(err), name) {
			t.Errorf("with %s: %v", setting, err)
		}
		run("ALTER ROLE CURRENT_USER RESET " + name)
		run(statements)
	}
}
