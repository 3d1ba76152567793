package idempotency_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/idempotency"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

type answer struct {
	Name string
	Size int64
}

var (
	keys  = idempotency.New(idempotency.Settings{})
	key   = [32]byte{1, 2, 3}
	body  = [32]byte{4}
	other = [32]byte{5}
	first = answer{Name: "Grüner Tee", Size: 1 << 53}
)

func setup(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
}

func begin(t *testing.T, pool *pgxpool.Pool) pgx.Tx {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(t.Context()) }) // does nothing if the test has ended the transaction
	return tx
}

// remember does what a first request does, and commits.
func remember(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	tx := begin(t, pool)
	if found, err := keys.Recall(t.Context(), tx, key, body, &answer{}); found || err != nil {
		t.Fatalf("before the first: %t, %v", found, err)
	}
	if err := keys.Remember(t.Context(), tx, key, body, first); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRecall(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	remember(t, pool)
	tx := begin(t, pool)
	var got answer
	if found, err := keys.Recall(t.Context(), tx, key, body, &got); !found || err != nil || got != first {
		t.Errorf("got %+v, %t, %v", got, found, err)
	}
	_, err := keys.Recall(t.Context(), tx, key, other, &got)
	if e, ok := apperr.As(err); !ok || e.Kind != apperr.Invalid || e.Name() != "idempotency-key-reused" {
		t.Errorf("another body: %v", err)
	}
	if found, err := keys.Recall(t.Context(), tx, [32]byte{9}, other, &got); found || err != nil {
		t.Errorf("another key: %t, %v", found, err)
	}
}

func TestInProgress(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	working, second := begin(t, pool), begin(t, pool)
	if _, err := keys.Recall(t.Context(), working, key, body, &answer{}); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Recall(t.Context(), second, key, body, &answer{}); apperr.KindOf(err) != apperr.InProgress {
		t.Errorf("while the first is at work: %v", err)
	}
	if err := keys.Remember(t.Context(), working, key, body, first); err != nil {
		t.Fatal(err)
	}
	if err := working.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The second transaction began before the commit of the first one. It must see that commit.
	var got answer
	if found, err := keys.Recall(t.Context(), second, key, body, &got); !found || err != nil || got != first {
		t.Errorf("after the first: %+v, %t, %v", got, found, err)
	}
}

func TestRolledBackIsForgotten(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	broken := errors.New("broken")
	err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		if _, err := keys.Recall(t.Context(), tx, key, body, &answer{}); err != nil {
			return err
		}
		return errors.Join(keys.Remember(t.Context(), tx, key, body, first), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	remember(t, pool)
}

// age makes the answer look older.
func age(t *testing.T, pool *pgxpool.Pool, by string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), "UPDATE idempotency_key SET created_at = now() - $1::text::interval", by); err != nil {
		t.Fatal(err)
	}
}

// rows returns how many answers are in the table.
func rows(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM idempotency_key").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// The setting is both the time in which an answer is repeated and the age at which it is deleted.
func TestRetention(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		keys idempotency.Keys
		age  string
		kept bool
	}{
		"by default, just before": {keys, "23 hours 59 minutes", true},
		"by default, just after":  {keys, "24 hours 1 second", false},
		"set, just before":        {idempotency.New(idempotency.Settings{Retention: 48 * time.Hour}), "47 hours 59 minutes", true},
		"set, just after":         {idempotency.New(idempotency.Settings{Retention: 48 * time.Hour}), "48 hours 1 second", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := setup(t)
			remember(t, pool)
			age(t, pool, tt.age)
			if found, err := tt.keys.Recall(t.Context(), begin(t, pool), key, body, &answer{}); found != tt.kept || err != nil {
				t.Errorf("recalled: %t, %v, want %t", found, err, tt.kept)
			}
			if err := tt.keys.DeleteOld(t.Context(), pool); err != nil {
				t.Fatal(err)
			}
			if n := rows(t, pool); (n == 1) != tt.kept {
				t.Errorf("%d answers are left, want kept: %t", n, tt.kept)
			}
		})
	}
}

// An old answer that has not been deleted yet is replaced by the next one.
func TestAnOldAnswerIsReplaced(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	remember(t, pool)
	age(t, pool, "25 hours")
	remember(t, pool) // as if for the first time
	tx := begin(t, pool)
	if found, err := keys.Recall(t.Context(), tx, key, body, &answer{}); !found || err != nil {
		t.Errorf("the new answer: %t, %v", found, err)
	}
}

// Schedule: a request replaces an old answer and has not committed. A deletion that waited for it would delete the new
// answer. So it skips the row.
func TestDeleteOldSparesTheNewAnswer(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	remember(t, pool)
	age(t, pool, "25 hours")
	tx := begin(t, pool)
	if err := keys.Remember(t.Context(), tx, key, body, first); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // less than the lock time-out
	defer cancel()
	if err := keys.DeleteOld(ctx, pool); err != nil {
		t.Fatalf("it waited: %v", err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found, err := keys.Recall(t.Context(), begin(t, pool), key, body, &answer{}); !found || err != nil {
		t.Errorf("the new answer: %t, %v", found, err)
	}
}

// More answers than one statement deletes are deleted by one call.
func TestDeleteOldDeletesAll(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	if _, err := pool.Exec(t.Context(), `INSERT INTO idempotency_key
		SELECT int4send(n), '', '{}', now() - interval '25 hours' FROM generate_series(1, 20001) n`); err != nil {
		t.Fatal(err)
	}
	if err := keys.DeleteOld(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, pool); n != 0 {
		t.Errorf("%d answers are left", n)
	}
}

// The setting must not break what the API promises.
func TestSettings(t *testing.T) {
	t.Parallel()
	for retention, want := range map[time.Duration]bool{0: false, 24*time.Hour - 1: false, 24 * time.Hour: true, 48 * time.Hour: true} {
		valid := true
		idempotency.Settings{Retention: retention, MaxKeys: 2, MaxKeysPerCaller: 2}.Validate(func(ok bool, variable, _ string, _ ...any) {
			valid = valid && (ok || variable != "IDEMPOTENCY_RETENTION")
		})
		if valid != want {
			t.Errorf("%s is valid: %t, want %t", retention, valid, want)
		}
	}
}
