package pgtx_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/testkit/netproxy"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func setup(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := pgtest.New(t)
	if _, err := pool.Exec(t.Context(), `CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL CHECK (balance >= 0));
		INSERT INTO account VALUES (1, 10), (2, 10)`); err != nil {
		t.Fatal(err)
	}
	return pool
}

func balance(t *testing.T, pool *pgxpool.Pool, id int) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), `SELECT balance FROM account WHERE id = $1`, id).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRunCommitsOrRollsBack(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	spend := func(after error) error {
		return pgtx.Run(t.Context(), pool, "", func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE account SET balance = balance - 1 WHERE id = 1`)
			return errors.Join(err, after)
		})
	}
	refused := errors.New("refused")
	if err := spend(refused); !errors.Is(err, refused) || balance(t, pool, 1) != 10 {
		t.Errorf("error %v, balance %d", err, balance(t, pool, 1))
	}
	if err := spend(nil); err != nil || balance(t, pool, 1) != 9 {
		t.Errorf("error %v, balance %d", err, balance(t, pool, 1))
	}
	func() {
		defer func() { _ = recover() }()
		_ = pgtx.Run(t.Context(), pool, "", func(tx pgx.Tx) error {
			_, _ = tx.Exec(t.Context(), `UPDATE account SET balance = 0`)
			panic("in the middle")
		})
	}()
	if balance(t, pool, 1) != 9 {
		t.Error("a panic committed")
	}
	if n := pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are not given back", n)
	}
}

// Two transactions that lock two rows in opposite order deadlock. The one that the server rolls back runs again.
func TestADeadlockRunsAgain(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	bothHaveOne := make(chan struct{})
	have := make(chan struct{}, 2)
	go func() {
		<-have
		<-have
		close(bothHaveOne)
	}()
	move := func(from, to int, runs *int) error {
		return pgtx.Run(t.Context(), pool, "", func(tx pgx.Tx) error {
			*runs++
			if _, err := tx.Exec(t.Context(), `UPDATE account SET balance = balance - 1 WHERE id = $1`, from); err != nil {
				return err
			}
			if *runs == 1 {
				have <- struct{}{}
				<-bothHaveOne
			}
			_, err := tx.Exec(t.Context(), `UPDATE account SET balance = balance + 1 WHERE id = $1`, to)
			return err
		})
	}
	var runs [2]int
	errs := make(chan error, 2)
	go func() { errs <- move(1, 2, &runs[0]) }()
	go func() { errs <- move(2, 1, &runs[1]) }()
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if runs[0]+runs[1] != 3 {
		t.Errorf("ran %v times, want one of the two to run again", runs)
	}
	if balance(t, pool, 1) != 10 || balance(t, pool, 2) != 10 {
		t.Errorf("balances %d and %d", balance(t, pool, 1), balance(t, pool, 2))
	}
}

// If the server stops answering after the closure failed, the caller does not wait for it.
func TestARollbackIsBounded(t *testing.T) {
	t.Parallel()
	proxy, url := netproxy.NewURL(t, pgtest.URL(setup(t)))
	wrong := errors.New("wrong")
	ended := make(chan error, 1)
	pool := pgtest.Open(t, url)
	go func() {
		ended <- pgtx.Run(t.Context(), pool, "", func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `SELECT 1`)
			proxy.Drop(netproxy.ToClient)
			return errors.Join(wrong, err)
		})
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, wrong) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("still rolling back")
	}
	proxy.Cut()
}

func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatal("timed out waiting")
		}
		<-tick.C
	}
}

// BeginPinned makes the settings of PlannerSettings on a session that lacks them.
func TestBeginPinned(t *testing.T) {
	t.Parallel()
	config := setup(t).Config()
	for name := range pgtx.PlannerSettings() {
		delete(config.ConnConfig.RuntimeParams, name)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := pgtx.Run(t.Context(), pool, pgtx.BeginPinned, func(tx pgx.Tx) error {
		for name, want := range pgtx.PlannerSettings() {
			var got string
			if err := tx.QueryRow(t.Context(), `SELECT current_setting($1)`, name).Scan(&got); err != nil || got != want {
				t.Errorf("%s is %q, want %q (%v)", name, got, want, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
