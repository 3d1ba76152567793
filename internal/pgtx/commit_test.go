package pgtx_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/pgtx"
	"github.com/monsplit/monsplit/internal/testkit/netproxy"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// committing is a transaction that takes 1 from account 1. Its COMMIT hangs in a deferred trigger until release.
type committing struct {
	direct *pgxpool.Pool // not through the proxy
	proxy  *netproxy.Proxy
	holder *pgx.Conn
	cancel context.CancelFunc
	ended  chan error
	runs   int
}

// startCommitting starts the transaction. It calls beforeCommit at the end of the transaction's closure.
func startCommitting(t *testing.T, beforeCommit func(*netproxy.Proxy)) *committing {
	t.Helper()
	c := &committing{direct: setup(t), ended: make(chan error, 1)}
	proxy, url := netproxy.NewURL(t, pgtest.URL(c.direct))
	c.proxy = proxy
	pool := pgtest.Open(t, url)
	if _, err := c.direct.Exec(t.Context(), `CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER hang AFTER UPDATE ON account DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hang()`); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.holder, err = pgx.Connect(t.Context(), pgtest.URL(c.direct)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.holder.Close(context.WithoutCancel(t.Context())) })
	if _, err := c.holder.Exec(t.Context(), `SELECT pg_advisory_lock(7)`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	c.cancel = cancel
	go func() {
		c.ended <- pgtx.Run(ctx, pool, "", func(tx pgx.Tx) error {
			c.runs++
			_, err := tx.Exec(ctx, `UPDATE account SET balance = balance - 1 WHERE id = 1`)
			beforeCommit(proxy)
			return err
		})
	}()
	return c
}

// awaitHanging waits until the COMMIT has begun on the server, and returns the process id of its session.
func (c *committing) awaitHanging(t *testing.T) (pid int) {
	t.Helper()
	eventually(t, func() bool {
		return c.direct.QueryRow(t.Context(), `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&pid) == nil
	})
	return pid
}

func (c *committing) release(t *testing.T) {
	t.Helper()
	if _, err := c.holder.Exec(t.Context(), `SELECT pg_advisory_unlock(7)`); err != nil {
		t.Fatal(err)
	}
}

// H9 lost answer to COMMIT: the connection dies during COMMIT. The change may have happened, and a second run would make
// it twice. So the caller learns that the outcome is unknown, and the closure has run once.
func TestAConnectionLostDuringCommitDoesNotRunAgain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		beforeCommit func(*netproxy.Proxy)
		lose         func(t *testing.T, c *committing)
		balance      int
	}{
		"TheAnswerIsLost": {
			beforeCommit: func(*netproxy.Proxy) {},
			lose: func(t *testing.T, c *committing) {
				c.awaitHanging(t)
				c.proxy.Drop(netproxy.ToClient)
				c.release(t)
				eventually(t, func() bool { return balance(t, c.direct, 1) == 9 })
				c.proxy.Cut()
			},
			balance: 9,
		},
		"TheCommitIsLost": {
			beforeCommit: func(p *netproxy.Proxy) { p.Cut() },
			lose:         func(t *testing.T, c *committing) { c.release(t) },
			balance:      10,
		},
		"TheServerEndsTheConnection": {
			beforeCommit: func(*netproxy.Proxy) {},
			lose: func(t *testing.T, c *committing) {
				if _, err := c.direct.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, c.awaitHanging(t)); err != nil {
					t.Fatal(err)
				}
			},
			balance: 10,
		},
		"TheCallerGoesAway": {
			beforeCommit: func(*netproxy.Proxy) {},
			lose: func(t *testing.T, c *committing) {
				c.awaitHanging(t)
				c.cancel()
				err := <-c.ended // before the server can answer
				c.release(t)
				c.ended <- err
			},
			balance: -1, // either
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCommitting(t, tt.beforeCommit)
			tt.lose(t, c)
			if err := <-c.ended; !errors.Is(err, pgtx.ErrOutcomeUnknown) {
				t.Errorf("error %v, want ErrOutcomeUnknown", err)
			}
			if c.runs != 1 {
				t.Errorf("ran %d times", c.runs)
			}
			if got := balance(t, c.direct, 1); tt.balance >= 0 && got != tt.balance {
				t.Errorf("balance %d, want %d", got, tt.balance)
			}
		})
	}
}

// If no COMMIT was sent, or the server has refused it, the outcome is known: nothing happened.
func TestATransactionThatIsNotCommittedIsKnown(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		deferred string // what the COMMIT does first
		last     func(tx pgx.Tx, cancel context.CancelFunc) error
	}{
		"TheCallerHasGone": {`NULL`, func(_ pgx.Tx, cancel context.CancelFunc) error {
			cancel()
			return nil
		}},
		"TheConnectionIsClosed": {`NULL`, func(tx pgx.Tx, _ context.CancelFunc) error {
			return tx.Conn().Close(context.WithoutCancel(t.Context()))
		}},
		"TheCommitIsCanceled": {`PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(60)`, func(pgx.Tx, context.CancelFunc) error {
			return nil
		}},
		"TheCommitWaitsForALock": {`PERFORM pg_advisory_xact_lock(7)`, func(tx pgx.Tx, _ context.CancelFunc) error {
			_, err := tx.Exec(t.Context(), `SET LOCAL lock_timeout = 50`)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := setup(t)
			if _, err := pool.Exec(t.Context(), `CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN `+tt.deferred+`; RETURN NULL; END $$;
				CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON account DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()`); err != nil {
				t.Fatal(err)
			}
			holder, err := pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer holder.Release()
			if _, err := holder.Exec(t.Context(), `SELECT pg_advisory_lock(7)`); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			err = pgtx.Run(ctx, pool, "", func(tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, `UPDATE account SET balance = 0 WHERE id = 1`); err != nil {
					return err
				}
				return tt.last(tx, cancel)
			})
			if err == nil || errors.Is(err, pgtx.ErrOutcomeUnknown) {
				t.Errorf("error %v, want one that says that nothing happened", err)
			}
			if got := balance(t, pool, 1); got != 10 {
				t.Errorf("balance %d", got)
			}
		})
	}
}

// If the server ends the connection in the middle of a transaction, the transaction does not run again either.
func TestAConnectionLostBeforeCommitDoesNotRunAgain(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	runs := 0
	err := pgtx.Run(t.Context(), pool, "", func(tx pgx.Tx) error {
		runs++
		if _, err := tx.Exec(t.Context(), `UPDATE account SET balance = 0 WHERE id = 1`); err != nil {
			return err
		}
		if _, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, int64(tx.Conn().PgConn().PID())); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `UPDATE account SET balance = 0 WHERE id = 2`)
		return err
	})
	if err == nil || errors.Is(err, pgtx.ErrOutcomeUnknown) || runs != 1 {
		t.Errorf("error %v after %d runs", err, runs)
	}
	if balance(t, pool, 1) != 10 {
		t.Error("half of the transaction happened")
	}
}

// A transaction cannot change a row that another one has changed since its snapshot. It gets 40001, and the closure runs
// again on a newer snapshot.
func TestASerializationFailureRunsAgain(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	runs := 0
	err := pgtx.Run(t.Context(), pool, "", func(tx pgx.Tx) error {
		runs++
		var seen int
		if _, err := tx.Exec(t.Context(), `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`); err != nil {
			return err
		}
		if err := tx.QueryRow(t.Context(), `SELECT balance FROM account WHERE id = 1`).Scan(&seen); err != nil {
			return err
		}
		if runs == 1 {
			if _, err := pool.Exec(t.Context(), `UPDATE account SET balance = balance + 5 WHERE id = 1`); err != nil {
				return err
			}
		}
		_, err := tx.Exec(t.Context(), `UPDATE account SET balance = $1 WHERE id = 1`, seen-1)
		return err
	})
	if err != nil || runs != 2 {
		t.Errorf("error %v after %d runs, want success at the second", err, runs)
	}
	if got := balance(t, pool, 1); got != 14 {
		t.Errorf("balance %d, want 14: the other's change and then ours", got)
	}
}

func TestATransactionThatAlwaysLosesEnds(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	runs := 0
	err := pgtx.Run(t.Context(), pool, "", func(tx pgx.Tx) error {
		runs++
		_, err := tx.Exec(t.Context(), `DO $$ BEGIN RAISE 'lost' USING ERRCODE = '40001'; END $$`)
		return err
	})
	if !errors.Is(err, pgtx.ErrBusy) || pgtx.SQLState(err) != "40001" || runs < 2 {
		t.Errorf("error %v after %d runs", err, runs)
	}
}

// leaving is a pool whose transactions lose their caller between the last look at it and the COMMIT.
type leaving struct {
	pgtx.Pool
	cancel context.CancelFunc
}

func (l leaving) BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error) {
	tx, err := l.Pool.BeginTx(ctx, options)
	return leavingTx{tx, l.cancel}, err
}

type leavingTx struct {
	pgx.Tx
	cancel context.CancelFunc
}

func (l leavingTx) Commit(ctx context.Context) error {
	l.cancel()
	return l.Tx.Commit(ctx)
}

func TestACommitThatWasNotSentIsKnown(t *testing.T) {
	t.Parallel()
	pool := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := pgtx.Run(ctx, leaving{pool, cancel}, "", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE account SET balance = balance - 1 WHERE id = 1`)
		return err
	})
	if err == nil || errors.Is(err, pgtx.ErrOutcomeUnknown) {
		t.Errorf("error %v", err)
	}
	if got := balance(t, pool, 1); got != 10 {
		t.Errorf("balance %d, want 10", got)
	}
}
