package idempotency_test

import (
	"errors"
	"testing"

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
	t.Cleanup(func() { _ = tx.Rollback(t.Context()) }) // what the test itself has ended stays ended
	return tx
}

// remember goes through the whole of a first request.
func remember(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	tx := begin(t, pool)
	if found, err := idempotency.Recall(t.Context(), tx, key, body, &answer{}); found || err != nil {
		t.Fatalf("before the first: %t, %v", found, err)
	}
	if err := idempotency.Remember(t.Context(), tx, key, body, first); err != nil {
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
	if found, err := idempotency.Recall(t.Context(), tx, key, body, &got); !found || err != nil || got != first {
		t.Errorf("got %+v, %t, %v", got, found, err)
	}
	_, err := idempotency.Recall(t.Context(), tx, key, other, &got)
	if e, ok := apperr.As(err); !ok || e.Kind != apperr.Invalid || e.Name() != "idempotency-key-reused" {
		t.Errorf("another body: %v", err)
	}
	if found, err := idempotency.Recall(t.Context(), tx, [32]byte{9}, other, &got); found || err != nil {
		t.Errorf("another key: %t, %v", found, err)
	}
}

func TestInProgress(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	working, second := begin(t, pool), begin(t, pool)
	if _, err := idempotency.Recall(t.Context(), working, key, body, &answer{}); err != nil {
		t.Fatal(err)
	}
	if _, err := idempotency.Recall(t.Context(), second, key, body, &answer{}); apperr.KindOf(err) != apperr.InProgress {
		t.Errorf("while the first is at work: %v", err)
	}
	if err := idempotency.Remember(t.Context(), working, key, body, first); err != nil {
		t.Fatal(err)
	}
	if err := working.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The second transaction is older than the first one's commit, and sees it all the same.
	var got answer
	if found, err := idempotency.Recall(t.Context(), second, key, body, &got); !found || err != nil || got != first {
		t.Errorf("after the first: %+v, %t, %v", got, found, err)
	}
}

func TestRolledBackIsForgotten(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	broken := errors.New("broken")
	err := postgres.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		if _, err := idempotency.Recall(t.Context(), tx, key, body, &answer{}); err != nil {
			return err
		}
		return errors.Join(idempotency.Remember(t.Context(), tx, key, body, first), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	remember(t, pool)
}

func TestADayLater(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	remember(t, pool)
	if _, err := pool.Exec(t.Context(), "UPDATE idempotency_key SET created_at = now() - interval '25 hours'"); err != nil {
		t.Fatal(err)
	}
	remember(t, pool) // as if for the first time
	tx := begin(t, pool)
	if found, err := idempotency.Recall(t.Context(), tx, key, body, &answer{}); !found || err != nil {
		t.Errorf("the new answer: %t, %v", found, err)
	}
}
