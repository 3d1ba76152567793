package wakeup_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/wakeup"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// The poll is off in this test. So only the armed notification can tell of the other instance's change.
func TestAChangeByAnotherInstanceWakes(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	i := start(t, database, onlyTold)
	result := i.wait(t.Context(), "a", 1)
	i.untilArmed(1)
	wantWaiting(t, result)
	apply(t, database, 1, "a")
	wantReached(t, result)
	if armed(t, database) {
		t.Error("the channel is still armed: the next change would notify again")
	}
}

// Every instance that waits hears of the change, and arms the channel again for the next one.
func TestTheNextChangeWakesToo(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	cfg := wakeup.Config{Poll: time.Hour, ArmEvery: time.Millisecond}
	one, other := start(t, database, cfg), start(t, database, cfg)
	results := []<-chan error{one.wait(t.Context(), "a", 3), other.wait(t.Context(), "a", 3)}
	for version := range int64(2) {
		one.untilArmed(1)
		other.untilArmed(1)
		wantWaiting(t, results...)
		apply(t, database, version+1, "a")
	}
	one.untilArmed(1)
	apply(t, database, 3, "a")
	wantReached(t, results...)
}

// A thousand waiters share one connection that listens. The pool has no connection in use while they wait, and one look
// asks for all of them.
func TestAThousandWaitersUseOneConnection(t *testing.T) {
	t.Parallel()
	const n = 1000
	database := newDatabase(t)
	i := start(t, database, onlyTold)
	var ids []string
	var results []<-chan error
	for k := range n {
		ids = append(ids, fmt.Sprint("thing-", k))
		results = append(results, i.wait(t.Context(), ids[k], 7))
	}
	i.untilArmed(n)
	kafkatest.Eventually(t, "no connection of the pool is in use", func() bool { return i.pool.Stat().AcquiredConns() == 0 })
	wantWaiting(t, results...)
	const connections = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%wakeup'`
	if got := query[int](t, database, connections); got != 1 {
		t.Errorf("%d connections listen, want 1", got)
	}
	if got := i.pool.Stat().TotalConns(); got > 2 {
		t.Errorf("the waiters made the pool open %d connections", got)
	}
	before := i.looks.Load()
	apply(t, database, 7, ids...)
	wantReached(t, results...)
	if looks := i.looks.Load() - before; looks > 2 {
		t.Errorf("%d looks for one change, want 1", looks)
	}
	if left := i.metric("wakeup_waiting"); left != 0 {
		t.Errorf("%v waiters are left", left)
	}
}

// Changes of this process are seen without a notification.
func TestKick(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	i := start(t, database, onlyTold)
	for version := range int64(5) {
		result := i.wait(t.Context(), "a", version+1)
		i.untilArmed(1)
		exec(t, database, `INSERT INTO thing_copy VALUES ('a', $1) ON CONFLICT (id) DO UPDATE SET version = $1`, version+1) // moves no position
		i.Kick()
		wantReached(t, result)
	}
}

// A pooler between the process and PostgreSQL loses notifications. The poll alone is enough.
func TestThePollAlone(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	i := start(t, database, wakeup.Config{Channel: "nothing notifies it", Poll: 5 * time.Millisecond})
	result := i.wait(t.Context(), "a", 2)
	for version := range int64(2) {
		wantWaiting(t, result)
		apply(t, database, version+1, "a")
	}
	wantReached(t, result)
}

// What is there already is seen at once, also when it is newer than asked for.
func TestReachedBefore(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	apply(t, database, 5, "a")
	i := start(t, database, onlyTold)
	wantReached(t, i.wait(t.Context(), "a", 5), i.wait(t.Context(), "a", 4))
}

// A change that another session commits while this process arms the channel must not be missed. Its trigger has seen the
// channel disarmed, and the look before the arm has not seen the change.
func TestALateCommitIsSeen(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	i := start(t, database, wakeup.Config{Poll: time.Hour})
	tx, err := database.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }) // after a failure
	for _, statement := range []string{
		`UPDATE consumer_position SET next_offset = 1 WHERE part = 0`, `INSERT INTO thing_copy VALUES ('a', 1)`,
		`SET CONSTRAINTS ALL IMMEDIATE`, // the trigger runs now, as in a commit that takes long
	} {
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	commit := sync.OnceFunc(func() {
		if err := tx.Commit(t.Context()); err != nil {
			t.Error(err)
		}
	})
	i.beforeLook.Store(new(func() {
		if armed(t, database) {
			commit()
		}
	}))
	wantReached(t, i.wait(t.Context(), "a", 1))
}

// A connection that is lost is replaced, and what was committed meanwhile is seen.
func TestALostConnectionIsRepaired(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	i := start(t, database, onlyTold)
	result := i.wait(t.Context(), "a", 2)
	i.untilArmed(1)
	first := i.listens()
	exec(t, database, `SELECT pg_terminate_backend($1)`, first)
	kafkatest.Eventually(t, "it listens again", func() bool {
		now := i.listens()
		return now != 0 && now != first
	})
	wantWaiting(t, result)
	apply(t, database, 2, "a")
	wantReached(t, result)
}

// While nobody waits, the process sends no statement, even if it is told of changes, and the channel is not armed.
func TestWithoutWaitersNothingIsQueried(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	i := start(t, database, wakeup.Config{Poll: time.Millisecond})
	idle := func() {
		t.Helper()
		before := i.pool.Stat().AcquireCount()
		for range 5 {
			i.Kick()
			apply(t, database, 1, "a")
			kafkatest.Eventually(t, "the loop has seen the change", i.Idle)
		}
		if now := i.pool.Stat().AcquireCount(); now != before || armed(t, database) {
			t.Errorf("sent %d statements, armed: %v", now-before, armed(t, database))
		}
	}
	idle()
	ctx, leave := context.WithCancel(t.Context())
	result := i.wait(ctx, "b", 1)
	i.untilArmed(1)
	leave()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("the wait ended with %v", err)
	}
	apply(t, database, 1, "a") // disarms the channel that was armed for the waiter
	kafkatest.Eventually(t, "the notification has come", func() bool { return i.metric("wakeup_notifications_total") > 0 && i.Idle() })
	kafkatest.Eventually(t, "the last query has ended", func() bool { return i.pool.Stat().AcquiredConns() == 0 })
	idle()
}

func TestTheDeadline(t *testing.T) {
	t.Parallel()
	i := start(t, newDatabase(t), onlyTold)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := i.Wait(ctx, kind, "a", 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
	if left := i.metric("wakeup_waiting"); left != 0 {
		t.Errorf("%v waiters are left", left)
	}
}

func TestStopEndsWaits(t *testing.T) {
	t.Parallel()
	i := start(t, newDatabase(t), onlyTold)
	results := []<-chan error{i.wait(t.Context(), "a", 1), i.wait(t.Context(), "b", 1)}
	i.untilArmed(2)
	i.Stop()
	i.Stop() // once more does no harm
	for _, result := range append(results, i.wait(t.Context(), "c", 1)) {
		select {
		case err := <-result:
			if !errors.Is(err, wakeup.ErrStopped) {
				t.Errorf("a wait ended with %v", err)
			}
		case <-time.After(patient):
			t.Fatal("a wait did not end")
		}
	}
}

// While looks fail, callers wait until their deadline. They are answered when looks succeed again.
func TestALookThatFails(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	apply(t, database, 1, "a")
	i := start(t, database, onlyTold)
	i.failing.Store(true)
	result := i.wait(t.Context(), "a", 1)
	kafkatest.Eventually(t, "it has looked twice", func() bool { return i.looks.Load() >= 2 })
	wantWaiting(t, result)
	i.failing.Store(false)
	wantReached(t, result)
}

func TestReached(t *testing.T) {
	t.Parallel()
	database := newDatabase(t)
	apply(t, database, 3, "a")
	i := start(t, database, onlyTold)
	for version, want := range map[int64]bool{2: true, 3: true, 4: false} {
		if got, err := i.Reached(t.Context(), kind, "a", version); err != nil || got != want {
			t.Errorf("version %d: %v, %v", version, got, err)
		}
	}
	if got, err := i.Reached(t.Context(), kind, "unknown", 1); err != nil || got {
		t.Errorf("an unknown id: %v, %v", got, err)
	}
	i.failing.Store(true)
	if _, err := i.Reached(t.Context(), kind, "a", 1); err == nil {
		t.Error("the look fails, and Reached does not")
	}
}

func TestAnUnknownKind(t *testing.T) {
	t.Parallel()
	w := wakeup.New(pgtest.Open(t, pgtest.NewURL(t)), wakeup.Config{}, nil)
	errWait := w.Wait(t.Context(), "nothing", "a", 1)
	_, errReached := w.Reached(t.Context(), "nothing", "a", 1)
	for _, err := range []error{errWait, errReached} {
		if err == nil || !strings.Contains(err.Error(), `"nothing"`) {
			t.Errorf("got %v", err)
		}
	}
}

func TestUUIDs(t *testing.T) {
	t.Parallel()
	known := uuid.MustParse("0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35")
	var asked []uuid.UUID
	lookup := wakeup.UUIDs(func(_ context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
		asked = ids
		return map[uuid.UUID]int64{known: 3}, nil
	})
	got, err := lookup(t.Context(), []string{known.String(), "no UUID", strings.ToUpper(known.String())})
	if err != nil || len(got) != 1 || got[known.String()] != 3 || len(asked) != 1 || asked[0] != known {
		t.Errorf("asked for %v, got %v, %v", asked, got, err)
	}
}
