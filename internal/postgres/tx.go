package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/apperr"
)

const (
	attempts        = 6 // how often one transaction runs at most
	rollbackTimeout = 5 * time.Second
)

// InTx runs f in one READ COMMITTED transaction and commits it, or rolls it back when f returns an error or panics.
//
// f runs again, from the start, when the server reports that the transaction lost against another one (40001, 40P01).
// It does not run again when the connection died during COMMIT (H9 lost answer to COMMIT): the commit may have happened,
// and a second run would make the change twice. The error is then apperr.Unavailable. A client finds out what happened by
// sending the request again with the same idempotency key.
func InTx(ctx context.Context, pool *pgxpool.Pool, f func(tx pgx.Tx) error) error {
	return InTxBegunBy(ctx, pool, "", f)
}

// InTxBegunBy is InTx for a transaction that needs more than BEGIN. begin is SQL that begins a READ COMMITTED transaction
// and makes its settings, in one round trip.
func InTxBegunBy(ctx context.Context, pool *pgxpool.Pool, begin string, f func(tx pgx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := once(ctx, pool, begin, f)
		if err == nil {
			return nil
		}
		if !lostAgainstAnother(err) {
			return err
		}
		if attempt == attempts {
			return apperr.New(apperr.Unavailable, "The database is too busy with changes to the same things.").Because(err)
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

func once(ctx context.Context, pool *pgxpool.Pool, begin string, f func(tx pgx.Tx) error) (err error) {
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
	if err := tx.Commit(ctx); err != nil {
		if connectionLost(err) {
			return apperr.New(apperr.Unavailable, "The database went away while the change was committed; it may have happened.").Because(err)
		}
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// connectionLost reports whether err, the error of a commit, leaves open whether the transaction was committed. A server
// that is being stopped may send its shutdown message (57P01) in place of the result.
func connectionLost(err error) bool {
	switch class(SQLState(err)) {
	case "":
		return !errors.Is(err, pgx.ErrTxCommitRollback)
	case "08", "57":
		return true
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

// SQLState returns the five-character code that the server reported, or "" if the error did not come from the server.
func SQLState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}
