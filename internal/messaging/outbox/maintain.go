package outbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/pgtx"
)

const (
	partitionSize   = 1_000_000 // sequence numbers in one partition of outbox_event; the first migration has the same number
	partitionsAhead = 8         // an append without a partition fails, so there is always room for millions of events
	// maintainLock is the key of the advisory lock that lets one instance at a time maintain the outbox. It is "outbox" in
	// ASCII. Old and new versions of a program must agree on it.
	maintainLock = 0x6f7574626f78
)

// Maintain creates partitions of the table outbox_event ahead of the sequence. It drops partitions whose events are all
// sent and older than retention (0 keeps everything). Call it at start and at intervals. While another instance maintains
// the outbox, it does nothing. It never makes appends wait for long: a partition that it cannot lock within 100 ms stays
// for the next call. If an old partition stays, the error says why. The others are dropped nevertheless. Maintain also writes the
// tables of leases and instances anew when they are full of dead versions.
func Maintain(ctx context.Context, pool *pgxpool.Pool, retention time.Duration) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("maintain the outbox: %w", err)
	}
	defer conn.Release()
	return pgx.BeginFunc(ctx, conn, func(guard pgx.Tx) error {
		var first bool
		if err := guard.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1)`, int64(maintainLock)).Scan(&first); err != nil || !first {
			return err
		}
		// Old partitions are dropped even if no new ones can be made.
		if err := errors.Join(makePartitions(ctx, pool), dropPartitions(ctx, pool, retention), rewriteSmallTables(ctx, pool)); err != nil {
			return fmt.Errorf("maintain the outbox: %w", err)
		}
		return nil
	})
}

// makePartitions creates tables and attaches them. Creating a partition in place would block every append while it
// waits for its lock.
func makePartitions(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		last, err := lastSeq(ctx, tx)
		if err != nil {
			return err
		}
		existing, err := partitions(ctx, tx)
		if err != nil {
			return err
		}
		have := map[int64]bool{}
		for _, n := range existing {
			have[n] = true
		}
		for n := max(0, last-1) / partitionSize; n <= last/partitionSize+partitionsAhead; n++ {
			if have[n] {
				continue
			}
			name := partitionName(n)
			if _, err := tx.Exec(ctx, fmt.Sprintf(`CREATE TABLE %s (LIKE outbox_event INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
				ALTER TABLE outbox_event ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)`,
				name, name, n*partitionSize+1, (n+1)*partitionSize+1), pgx.QueryExecModeSimpleProtocol); err != nil {
				return fmt.Errorf("make partition %s, for the events from number %d on (the last one is %d): %w", name, n*partitionSize+1, last, err)
			}
		}
		return nil
	})
}

// errYoung reports that a partition is too young to be dropped. So are all later ones.
var errYoung = errors.New("the partition is not old enough")

// keptError is the reason why an old partition stays. It does not concern later partitions.
type keptError struct{ reason string }

func (e *keptError) Error() string { return e.reason }

// dropPartitions drops old partitions, the oldest first. It returns why it has kept some of them.
func dropPartitions(ctx context.Context, pool *pgxpool.Pool, retention time.Duration) error {
	if retention <= 0 {
		return nil
	}
	existing, err := partitions(ctx, pool)
	if err != nil {
		return err
	}
	var reasons []error
	for _, n := range existing {
		err := dropPartition(ctx, pool, n, retention)
		if errors.Is(err, errYoung) {
			break
		}
		if pgtx.SQLState(err) == "55P03" { // lock_not_available
			err = errors.New("another session holds a lock on the outbox for long: pg_locks shows it")
		}
		if err == nil {
			continue
		}
		reasons = append(reasons, fmt.Errorf("old partition %s is kept: %w", partitionName(n), err))
		if _, only := errors.AsType[*keptError](err); !only {
			break
		}
	}
	return errors.Join(reasons...)
}

func dropPartition(ctx context.Context, pool *pgxpool.Pool, n int64, retention time.Duration) error {
	name, first, end := partitionName(n), n*partitionSize+1, (n+1)*partitionSize
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		last, err := lastSeq(ctx, tx)
		if err != nil {
			return err
		}
		if last <= end {
			return errYoung
		}
		var old bool
		err = tx.QueryRow(ctx, `SELECT coalesce((SELECT created_at < now() - $1::interval FROM `+name+
			` ORDER BY seq DESC LIMIT 1), true)`, retention).Scan(&old)
		if err != nil {
			return err
		}
		if !old {
			return errYoung
		}
		if err := noPending(ctx, tx, first, end); err != nil {
			return err
		}
		// While this transaction waits for the lock, appends wait behind it. So it gives up early.
		if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '100ms'; LOCK TABLE outbox_event, `+name+` IN ACCESS EXCLUSIVE MODE`,
			pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		if err := noPending(ctx, tx, first, end); err != nil { // a late commit
			return err
		}
		if err := messagingdb.New(tx).ForgetDiscarded(ctx, end); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `DROP TABLE `+name)
		return err
	})
}

// noPending returns a *keptError if an event with one of these numbers is pending.
func noPending(ctx context.Context, tx pgx.Tx, first, last int64) error {
	q := messagingdb.New(tx)
	topics, err := q.PendingTopics(ctx)
	if err != nil {
		return err
	}
	pending, err := q.PendingBetween(ctx, topics, first, last)
	if err == nil && pending {
		return &keptError{fmt.Sprintf("one of its events is still pending, between the numbers %d and %d: outbox list --pending --before %d shows it",
			first, last, last+1)}
	}
	return err
}

const partitionPrefix = "outbox_event_"

func partitionName(n int64) string { return partitionPrefix + strconv.FormatInt(n, 10) }

// partitions returns the numbers of the existing partitions, in ascending order.
func partitions(ctx context.Context, db messagingdb.DBTX) (numbers []int64, err error) {
	rows, err := db.Query(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'outbox_event'::regclass ORDER BY length(c.relname), c.relname`)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		n, err := strconv.ParseInt(strings.TrimPrefix(name, partitionPrefix), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("partition %s of outbox_event does not have a name of the form outbox_event_N", name)
		}
		numbers = append(numbers, n)
	}
	return numbers, err
}

// roomLeft returns how many more events fit into the existing partitions.
func roomLeft(ctx context.Context, tx pgx.Tx) (int64, error) {
	last, err := lastSeq(ctx, tx)
	if err != nil {
		return 0, err
	}
	existing, err := partitions(ctx, tx)
	if err != nil {
		return 0, err
	}
	end := last // the last number that has a partition
	for _, n := range existing {
		if n*partitionSize <= end && end < (n+1)*partitionSize {
			end = (n + 1) * partitionSize
		}
	}
	return end - last, nil
}
