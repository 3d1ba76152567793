package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/pgtx"
)

const (
	memberTimeout   = 5 * time.Second        // for one statement about the members
	memberPatience  = 3                      // beats that a member has for its next sign of life
	memberCleanEach = 600                    // beats between two deletions of old rows
	memberRetry     = 200 * time.Millisecond // between two tries to register
	memberStop      = 500 * time.Millisecond // the default of member.stop
)

// member is this process's row in consumer_member. It exists while the process takes part in the consumer group.
//
// H32 cloned database: a copy of the database is started beside the original, with the same group. The copy has the
// original's rows too, so a row alone proves nothing. A member belongs to this database if its row was written after the
// row of this process, or if its time has changed since then. The rows of the original never change in the copy.
type member struct {
	pool *pgxpool.Pool
	log  *slog.Logger
	id   uuid.UUID
	name string
	beat time.Duration
	stop time.Duration // for a statement during a stop, which it must not delay

	before map[uuid.UUID]time.Time // the rows that were there when this one was written
}

func newMember(pool *pgxpool.Pool, log *slog.Logger, name string, beat time.Duration) *member {
	return &member{pool: pool, log: log, id: uuid.New(), name: name, beat: beat, stop: memberStop}
}

// processName names this process for people.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

// register writes the row. It tries until ctx is done, and calls tell with the error of each try, nil at the end.
func (m *member) register(ctx context.Context, tell func(error)) error {
	for {
		err := m.tryRegister(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tell(err)
		if err == nil {
			return nil
		}
		sleep(ctx, nil, memberRetry)
	}
}

func (m *member) tryRegister(ctx context.Context) error {
	if err := m.save(ctx); err != nil {
		return err
	}
	seen, err := m.list(ctx)
	if err != nil {
		return err
	}
	delete(seen, m.id)
	m.before = seen
	return nil
}

// run shows that this process still runs, until ctx is done.
func (m *member) run(ctx context.Context) {
	ticker := time.NewTicker(m.beat)
	defer ticker.Stop()
	failing := false
	for n := 0; ; n++ {
		err := m.finishSave(ctx)
		if err == nil && n%memberCleanEach == 0 {
			err = m.do(ctx, func(ctx context.Context, q *messagingdb.Queries) error { return q.DeleteOldMembers(ctx) })
		}
		if failed := err != nil; failed != failing && ctx.Err() == nil {
			failing = failed
			if failed {
				m.log.LogAttrs(ctx, slog.LevelWarn, "this instance cannot show that it runs", slog.Any("error", err))
			}
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// finishSave is save, but a write that has begun may go on for a moment after ctx has ended. The server could commit a canceled
// write after leave has deleted the row.
func (m *member) finishSave(ctx context.Context) error {
	finishing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(m.stop, cancel) })()
	return m.save(finishing)
}

// leave deletes the row.
func (m *member) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.stop)
	defer cancel()
	if err := m.do(ctx, func(ctx context.Context, q *messagingdb.Queries) error { return q.DeleteMember(ctx, m.id) }); err != nil {
		m.log.LogAttrs(ctx, slog.LevelDebug, "the row in consumer_member is left for the clean-up", slog.Any("error", err))
	}
}

// known reports which members run on this database. A member whose row was there before this process's own gets the time
// of some beats to show that it runs.
func (m *member) known(ctx context.Context, ids []string) (map[string]bool, error) {
	deadline := time.Now().Add(memberPatience * m.beat)
	for {
		seen, err := m.list(ctx)
		if err != nil {
			return nil, err
		}
		known, undecided := m.compare(seen, ids)
		if !undecided || time.Now().After(deadline) {
			return known, nil
		}
		sleep(ctx, nil, m.beat/5)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// compare returns the members that certainly run on this database. It reports whether others may follow.
func (m *member) compare(seen map[uuid.UUID]time.Time, ids []string) (known map[string]bool, undecided bool) {
	known = make(map[string]bool, len(ids))
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		parsed, err := uuid.Parse(id)
		if err != nil {
			continue
		}
		at, exists := seen[parsed]
		was, wasThere := m.before[parsed]
		switch {
		case parsed == m.id, exists && (!wasThere || !at.Equal(was)):
			known[id] = true
		case exists:
			undecided = true
		}
	}
	return known, undecided
}

func (m *member) save(ctx context.Context) error {
	return m.do(ctx, func(ctx context.Context, q *messagingdb.Queries) error { return q.SaveMember(ctx, m.id, m.name) })
}

func (m *member) list(ctx context.Context) (seen map[uuid.UUID]time.Time, err error) {
	err = m.do(ctx, func(ctx context.Context, q *messagingdb.Queries) error {
		rows, err := q.ListMembers(ctx)
		seen = make(map[uuid.UUID]time.Time, len(rows))
		for _, row := range rows {
			seen[row.ID] = row.SeenAt
		}
		return err
	})
	return seen, err
}

func (m *member) do(ctx context.Context, f func(context.Context, *messagingdb.Queries) error) error {
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	if err := f(ctx, messagingdb.New(m.pool)); err != nil {
		return fmt.Errorf("consumer_member: %w", err)
	}
	return nil
}

const unregisteredFault = "this instance cannot register in the database"

// memberProblem is the problem of a process that is not registered yet. Until then it does not join the group.
func memberProblem(err error) string {
	if err == nil {
		return ""
	}
	return unregisteredFault + ": " + escapeUnprintable(pgtx.Brief(err), "")
}
