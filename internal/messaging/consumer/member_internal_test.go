package consumer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

func memberPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
}

// registered returns a member that was registered. It shows no further signs of life by itself.
func registered(t *testing.T, pool *pgxpool.Pool) *member {
	t.Helper()
	m := newMember(pool, slog.New(slog.NewTextHandler(io.Discard, nil)), "test", 50*time.Millisecond)
	if err := m.register(t.Context(), func(error) {}); err != nil {
		t.Fatal(err)
	}
	return m
}

// wantKnown checks whether m knows other.
func wantKnown(t *testing.T, m, other *member, want bool) {
	t.Helper()
	known, err := m.known(t.Context(), []string{other.id.String(), m.id.String(), "not an id", uuid.NewString()})
	if err != nil {
		t.Fatal(err)
	}
	if known[other.id.String()] != want || !known[m.id.String()] || len(known) > 2 {
		t.Errorf("known are %v, want %s: %t, and %s itself", known, other.id, want, m.id)
	}
}

func TestALaterMemberIsKnown(t *testing.T) {
	t.Parallel()
	pool := memberPool(t)
	m := registered(t, pool)
	later := registered(t, pool)
	wantKnown(t, m, later, true)
	later.leave(t.Context())
	wantKnown(t, m, later, false)
}

// The leader may have started a moment ago. Then it waits for signs of life of the members that were there before.
func TestAnEarlierMemberIsKnownByItsSignOfLife(t *testing.T) {
	t.Parallel()
	pool := memberPool(t)
	earlier := registered(t, pool)
	m := registered(t, pool)
	m.beat = time.Second // the patience for a slow disk
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); earlier.run(ctx) }()
	wantKnown(t, m, earlier, true)
	cancel()
	<-done
}

// H32 cloned database: the copy has the rows of the original's members too.
func TestAMemberOfTheOriginalIsAStrangerInTheCopy(t *testing.T) {
	t.Parallel()
	original, clone := memberPool(t), memberPool(t)
	running := registered(t, original)
	if _, err := clone.Exec(t.Context(), `INSERT INTO consumer_member VALUES ($1, 'test', now())`, running.id); err != nil {
		t.Fatal(err)
	}
	m := registered(t, clone)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); running.run(ctx) }()
	wantKnown(t, m, running, false)
	wantKnown(t, running, m, false)
	cancel()
	<-done
}

// A database that was restored has lost the rows of the running members.
func TestAMemberWhoseRowIsGoneRegistersAgain(t *testing.T) {
	t.Parallel()
	pool := memberPool(t)
	m, other := registered(t, pool), registered(t, pool)
	if _, err := pool.Exec(t.Context(), `DELETE FROM consumer_member`); err != nil {
		t.Fatal(err)
	}
	wantKnown(t, m, other, false)
	if err := other.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantKnown(t, m, other, true)
}

func TestOldMembersAreDeleted(t *testing.T) {
	t.Parallel()
	pool := memberPool(t)
	_, err := pool.Exec(t.Context(), `INSERT INTO consumer_member VALUES
		(gen_random_uuid(), 'old', now() - interval '25 hours'), (gen_random_uuid(), 'young', now() - interval '23 hours')`)
	if err != nil {
		t.Fatal(err)
	}
	m := registered(t, pool)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); m.run(ctx) }()
	for deadline := time.Now().Add(10 * time.Second); ; {
		var names string
		err := pool.QueryRow(t.Context(), `SELECT string_agg(name, ' ' ORDER BY name) FROM consumer_member`).Scan(&names)
		if err != nil {
			t.Fatal(err)
		}
		if names == "test young" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the members are %q", names)
		}
	}
	cancel()
	<-done
}

// While the database is away, Known fails. If it returned an empty list, the leader would refuse its own members.
func TestKnownFailsWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	pool := memberPool(t)
	m := registered(t, pool)
	pool.Close()
	if known, err := m.known(t.Context(), []string{m.id.String()}); err == nil {
		t.Errorf("known are %v, want an error", known)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var told error
	err := m.register(ctx, func(err error) { told = err; cancel() })
	if !errors.Is(err, context.Canceled) || told == nil {
		t.Errorf("register returned %v and told %v", err, told)
	}
}
