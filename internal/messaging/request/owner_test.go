package request_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/request"
)

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ask           ask
		want, changes string
	}{
		"accepted":                   {put("a", 1, "pen"), "1 accepted pen v1", "put pen"},
		"unchanged":                  {doing("a", 1, "look", "pen"), "1 unchanged pen v7", "look pen"},
		"refused by a rule":          {doing("a", 1, "take", "pen"), "1 refused pen (there is no pen)", ""},
		"refused by a constraint":    {put("a", 1, "ink"), "1 refused ink (ink is there)", ""},
		"expired":                    {put("a", 1, "pen").expiring(10), "1 expired pen", ""},
		"in time":                    {put("a", 1, "pen").expiring(11), "1 accepted pen v1", "put pen"},
		"expired before its version": {put("a", 1, "pen").needing(9).expiring(10), "1 expired pen", ""},
		"of a newer shelf":           {put("b", 1, "pen"), "", "put pen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.clock.Store(10)
			if _, err := b.pool.Exec(t.Context(), `INSERT INTO thing VALUES ('ink', 1)`); err != nil {
				t.Fatal(err)
			}
			b.get(tt.ask)
			b.wantOutcomes("a", tt.want)
			b.wantChanges(tt.changes)
			b.wantLetters("")
			b.wantParked(0)
			if n := b.committed.Load(); n != 1 {
				t.Errorf("%d transactions, want 1", n)
			}
		})
	}
}

// A request that is delivered again has no second effect and no second outcome: in the same batch, later, and also if its
// effect was undone by another request in between.
func TestARepeatedRequestHasOneEffect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, refused := put("a", 1, "pen").known(), put("a", 2, "pen").known()
	b.get(first, first, refused, first)
	b.get(doing("a", 3, "take", "pen"))
	b.get(first, refused)
	b.wantOutcomes("a", "1 accepted pen v1, 2 refused pen (pen is there), 3 accepted pen v2")
	b.wantChanges("put pen, take pen")
	b.wantLetters("")
}

// A parked request that is delivered again is not parked twice.
func TestARepeatedParkedRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := put("a", 1, "pen").needing(2).known()
	b.get(first, first)
	b.get(first)
	b.wantParked(1)
	b.shelf("a", 2)
	b.release()
	b.get(first)
	b.wantOutcomes("a", "1 accepted pen v1")
	b.wantChanges("put pen")
}

// A hundred requests, every other one refused by a unique constraint, are decided in one transaction and in their order.
func TestRefusalsDoNotDisturbTheBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var asks []ask
	var wantA, changes []string
	for i := range int64(50) {
		name := fmt.Sprintf("pen%d", i)
		asks = append(asks, put("a", 2*i+1, name), put("a", 2*i+2, name))
		wantA = append(wantA, fmt.Sprintf("%d accepted %s v1, %d refused %s (%s is there)", 2*i+1, name, 2*i+2, name, name))
		changes = append(changes, "put "+name)
	}
	b.get(asks...)
	b.wantOutcomes("a", strings.Join(wantA, ", "))
	b.wantChanges(strings.Join(changes, ", "))
	b.wantLetters("")
	if n := b.committed.Load(); n != 1 {
		t.Errorf("%d transactions, want 1", n)
	}
	if n := b.prepared.Load(); n != 1 {
		t.Errorf("the locks of the batch were taken %d times, want once", n)
	}
}

// Outcomes have numbers without gaps for each key, over batches and instances.
func TestOutcomesAreNumberedByKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(put("a", 1, "pen"), put("b", 1, "ink"), put("a", 2, "pad"))
	b = on(t, b.pool)
	b.get(put("b", 2, "pen"), doing("a", 3, "take", "pen"), put("b", 3, "pen"))
	b.wantOutcomes("a", "1 accepted pen v1, 2 accepted pad v1, 3 accepted pen v2")
	b.wantOutcomes("b", "1 accepted ink v1, 2 refused pen (pen is there), 3 accepted pen v1")
}

// A request that fails through its own fault, in a way that nobody foresaw, becomes a dead letter with the outcome
// "unreadable". The other requests of the batch and of the key are decided. A replay gives the final outcome.
func TestAnUnexpectedFaultSpoilsOneRequest(t *testing.T) {
	t.Parallel()
	for how, code := range map[string]string{"panic": "poison", "bug": "poison", "too big": "poison", "22012": "poison"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.broken.Store(true)
			b.get(put("a", 1, "pen"), doing("a", 2, how, "pad"), put("a", 3, "ink"), put("b", 1, "cup"))
			b.wantOutcomes("a", "1 accepted pen v1, 2 unreadable, 3 accepted ink v1")
			b.wantOutcomes("b", "1 accepted cup v1")
			b.wantChanges("put pen, put ink, put cup")
			b.wantLetters("1:" + code + "/open")
			id := query[int64](b, `SELECT id FROM dead_letter`)
			if _, err := b.consumer.Replay(t.Context(), id, "Ada", ""); err == nil {
				t.Error("the replay succeeded")
			}
			b.broken.Store(false)
			if _, err := b.consumer.Replay(t.Context(), id, "Ada", ""); err != nil {
				t.Error(err)
			}
			b.wantOutcomes("a", "1 accepted pen v1, 2 unreadable, 3 accepted ink v1, 4 accepted pad v1")
			b.wantLetters("1:" + code + "/replayed")
		})
	}
}

// While the database has trouble, the batch fails as a whole, and nothing is decided.
func TestTroubleOfTheDatabaseDecidesNothing(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"cut", "53300", "55P03", "MS001"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.broken.Store(true)
			asks := records([]ask{put("a", 1, "pen"), doing("a", 2, how, "pad"), put("b", 1, "ink")})
			if err := b.handle(asks...); err == nil {
				t.Error("no error")
			}
			b.wantOutcomes("a", "")
			b.wantChanges("")
			b.wantLetters("")
			b.broken.Store(false)
			if err := b.handle(asks...); err != nil {
				t.Error(err)
			}
			b.wantOutcomes("a", "1 accepted pen v1, 2 accepted pad v1")
			b.wantOutcomes("b", "1 accepted ink v1")
		})
	}
}

// Schedule: the transaction that decides fails when it commits. No outcome may stay: it would tell of an effect that does not
// exist.
func TestOutcomesAreCommittedWithTheirEffects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '53300'; END $$;
		CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON thing DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()`); err != nil {
		t.Fatal(err)
	}
	asked := records([]ask{put("a", 1, "pen")})
	if err := b.handle(asked...); err == nil {
		t.Error("no error")
	}
	b.wantOutcomes("a", "")
	b.wantChanges("")
	if _, err := b.pool.Exec(t.Context(), `DROP TRIGGER at_commit ON thing`); err != nil {
		t.Fatal(err)
	}
	if err := b.handle(asked...); err != nil {
		t.Error(err)
	}
	b.wantOutcomes("a", "1 accepted pen v1")
	b.wantChanges("put pen")
}

// A request that loses against another transaction is decided in another run of its transaction.
func TestADeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	failed := false
	b = on(t, b.pool, func(c *request.OwnerConfig[*tx, order]) {
		decide := c.Decide
		c.Decide = func(ctx context.Context, t *tx, o order) (int64, bool, error) {
			if !failed {
				failed = true
				_, err := t.Exec(ctx, `DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01'; END $$`)
				return 0, false, err
			}
			return decide(ctx, t, o)
		}
	})
	b.get(put("a", 1, "pen"), put("a", 2, "pad"))
	b.wantOutcomes("a", "1 accepted pen v1, 2 accepted pad v1")
	b.wantChanges("put pen, put pad")
}

// Schedule: the same request is in the topic twice, and two instances decide about it at the same time. The second one
// waits for the lock of the key, and then sees what the first one has committed.
func TestTwoInstancesDecideOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reached, open := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow := on(t, b.pool, func(c *request.OwnerConfig[*tx, order]) {
		decide := c.Decide
		c.Decide = func(ctx context.Context, t *tx, o order) (int64, bool, error) {
			once.Do(func() { close(reached) })
			<-open
			return decide(ctx, t, o)
		}
	})
	first := put("a", 1, "pen").known()
	deliver := func(b *bundle, part int) error {
		at := tp
		at.Partition = part
		if _, err := b.consumer.Position(t.Context(), at, broker.LogStart{}); err != nil {
			return err
		}
		return b.consumer.Handle(t.Context(), at, 0, broker.At(1), []broker.Fetched{{Record: first.record()}})
	}
	results := make(chan error, 2)
	go func() { results <- deliver(slow, 1) }()
	<-reached
	go func() { results <- deliver(b, 2) }()
	b.untilBlocked()
	close(open)
	if err := errors.Join(<-results, <-results); err != nil {
		t.Error(err)
	}
	b.wantOutcomes("a", "1 accepted pen v1")
	b.wantChanges("put pen")
	b.wantLetters("")
}

// untilBlocked waits until a transaction of the test's database waits for a lock.
func (b *bundle) untilBlocked() {
	b.Helper()
	b.eventually("a transaction waits for a lock", func() bool {
		return query[bool](b, `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock')`)
	})
}

func (b *bundle) eventually(what string, cond func() bool) {
	b.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			b.Fatalf("waited in vain: %s", what)
		}
		<-tick.C
	}
}
