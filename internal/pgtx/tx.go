// Package pgtx knows how a PostgreSQL transaction runs, when it runs again, and what a server's error says. It imports
// nothing of this module, so that internal/messaging can be lifted out together with it.
package pgtx

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Pool is what Run needs of a pool of connections, such as *pgxpool.Pool.
type Pool interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

var (
	// ErrBusy means that the server rolled the transaction back in favor of other transactions each time it ran.
	ErrBusy = errors.New("the database is too busy with changes to the same rows")
	// ErrOutcomeUnknown means that the connection was lost during COMMIT. The transaction may have been committed.
	ErrOutcomeUnknown = errors.New("the connection was lost during COMMIT, which may have succeeded")
)

const (
	attempts        = 6 // how often one transaction runs at most
	rollbackTimeout = 5 * time.Second
)

// Run runs f in one READ COMMITTED transaction and commits it. It rolls the transaction back when f returns an error or
// panics. begin is SQL that begins the transaction and makes its settings, in one round trip; "" means BEGIN alone.
//
// f runs again, from the start, when the server reports that the transaction lost against another one (40001, 40P01). When
// it has lost too often, the error is ErrBusy.
//
// f does not run again when the connection died during COMMIT (H9 lost answer to COMMIT): the commit may have happened,
// and a second run would make the change twice. The error is then ErrOutcomeUnknown.
func Run(ctx context.Context, pool Pool, begin string, f func(tx pgx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := once(ctx, pool, begin, f)
		if err == nil {
			return nil
		}
		if !lostAgainstAnother(err) {
			return MarkUsedNumber(ctx, pool, err)
		}
		if attempt == attempts {
			return fmt.Errorf("%w: %w", ErrBusy, err)
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

func once(ctx context.Context, pool Pool, begin string, f func(tx pgx.Tx) error) (err error) {
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, BeginQuery: begin})
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		// After a commit this does nothing. If the rollback fails, pgx closes the connection, and so the server rolls back.
		// The time-out is for a server that neither answers nor closes the connection.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
		defer cancel()
		_ = tx.Rollback(ctx)
	}()
	if err := f(tx); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("before the commit: %w", err) // no COMMIT is sent, so nothing happened
	}
	if tx.Conn().IsClosed() {
		return fmt.Errorf("before the commit: %w", net.ErrClosed)
	}
	if err := tx.Commit(ctx); err != nil {
		if connectionLost(err) {
			return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		}
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// connectionLost reports whether err, the error of a commit, leaves open whether the transaction was committed. A server
// that is being stopped may send its shutdown message (57P01) in place of the result. Nothing is open if the COMMIT was canceled
// (57014).
func connectionLost(err error) bool {
	switch Class(err) {
	case "":
		return !errors.Is(err, pgx.ErrTxCommitRollback) && !pgconn.SafeToRetry(err) // then no COMMIT was sent
	case "08":
		return true
	case "57":
		return SQLState(err) != "57014"
	default:
		return false
	}
}

// lostAgainstAnother reports whether the server rolled the transaction back in favor of another one.
func lostAgainstAnother(err error) bool {
	switch SQLState(err) {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return true
	default:
		return false
	}
}

// pause waits a few milliseconds, longer with each attempt. The time is random, so that two transactions that met do not
// meet again.
func pause(ctx context.Context, attempt int) error {
	most := 5 * time.Millisecond << attempt
	timer := time.NewTimer(most/2 + rand.N(most/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
