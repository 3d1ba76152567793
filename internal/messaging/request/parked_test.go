package request_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/request"
)

// A request waits for the version of its key's aggregate, and the later requests of its key wait behind it. Requests of
// other keys are decided.
func TestARequestWaitsForItsVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(put("a", 1, "pen"), put("a", 2, "pad").needing(2), put("a", 3, "ink"), put("b", 1, "cup"), put("new", 1, "box"))
	b.get(doing("a", 4, "take", "ink"), put("b", 2, "jar"))
	b.wantOutcomes("a", "1 accepted pen v1")
	b.wantOutcomes("b", "1 accepted cup v1, 2 accepted jar v1")
	b.wantOutcomes("new", "")
	b.wantParked(4)
	b.release()
	b.wantParked(4)

	b.shelf("a", 2)
	b.get(put("a", 5, "map")) // it must not overtake the others
	b.wantParked(5)
	committed := b.committed.Load()
	b.release()
	b.wantOutcomes("a", "1 accepted pen v1, 2 accepted pad v1, 3 accepted ink v1, 4 accepted ink v2, 5 accepted map v1")
	b.wantParked(1)
	if n := b.committed.Load() - committed; n != 1 {
		t.Errorf("%d transactions were reported as committed, want 1", n)
	}
	b.shelf("new", 3)
	b.release()
	b.wantOutcomes("new", "1 accepted box v1")
	b.wantParked(0)
	b.wantLetters("")
}

// A release stops at the next request whose version is not here.
func TestAReleaseStopsAtTheNextVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(put("a", 1, "pen").needing(2), put("a", 2, "pad").needing(2), put("a", 3, "ink").needing(3), put("a", 4, "cup").needing(2))
	b.shelf("a", 2)
	b.release()
	b.wantOutcomes("a", "1 accepted pen v1, 2 accepted pad v1")
	b.shelf("a", 3)
	b.release()
	b.wantOutcomes("a", "1 accepted pen v1, 2 accepted pad v1, 3 accepted ink v1, 4 accepted cup v1")
}

// Requests are released in the order of their numbers, also if they came in another one: a replayed dead letter comes late.
func TestReleasesAreInTheOrderOfTheNumbers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(doing("a", 9, "take", "pen").needing(2), put("a", 10, "pen").needing(2))
	b.get(put("a", 8, "pen").needing(2))
	b.shelf("a", 2)
	b.release()
	b.wantOutcomes("a", "1 accepted pen v1, 2 accepted pen v2, 3 accepted pen v1")
}

// Parked requests expire on time, also those that stand behind others. Refusals are as before.
func TestParkedRequestsExpire(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(put("a", 1, "pen").needing(2), put("a", 2, "pad").expiring(20), put("a", 3, "pen"))
	b.clock.Store(19)
	b.release()
	b.wantOutcomes("a", "")
	b.clock.Store(20)
	b.release()
	b.wantOutcomes("a", "1 expired pad")
	b.wantParked(2)
	b.shelf("a", 2)
	b.release()
	b.wantOutcomes("a", "1 expired pad, 2 accepted pen v1, 3 refused pen (pen is there)")
	b.wantParked(0)
}

// When the first request of a key expires, the ones behind it need not wait any more.
func TestAnExpiredRequestHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(put("a", 1, "pen").needing(2).expiring(20), put("a", 2, "pad"))
	b.clock.Store(20)
	b.release()
	b.wantOutcomes("a", "1 expired pen, 2 accepted pad v1")
}

// More requests than one transaction takes are still released, and in order. An expired one behind them does not
// wait for them.
func TestManyParkedRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asks := []ask{put("a", 1, "0").needing(2)}
	for n := range int64(request.ReleasedAtOnce + 5) {
		asks = append(asks, put("a", n+2, fmt.Sprint(n+1)))
	}
	last := int64(len(asks)) + 1
	b.get(append(asks, put("a", last, "late").expiring(20))...)
	b.clock.Store(20)
	b.release()
	b.wantOutcomes("a", "1 expired late")
	b.shelf("a", 2)
	b.release()
	b.wantParked(0)
	want := []string{"1 expired late"}
	for n := range asks {
		want = append(want, fmt.Sprintf("%d accepted %d v1", n+2, n))
	}
	b.wantOutcomes("a", strings.Join(want, ", "))
}

// If there are more keys than one query returns, the rest is looked at too.
func TestManyKeysWithParkedRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var asks []ask
	for n := range request.HeadsAtOnce + 5 {
		asks = append(asks, put(fmt.Sprintf("shelf%05d", n), 1, fmt.Sprint(n)).needing(2))
	}
	b.get(asks...)
	first, last := asks[0].key, asks[len(asks)-1].key
	b.shelf(first, 2)
	b.shelf(last, 2)
	b.release()
	b.wantOutcomes(first, "1 accepted 0 v1")
	b.wantOutcomes(last, fmt.Sprintf("1 accepted %d v1", len(asks)-1))
	b.wantParked(len(asks) - 2)
	b.clock.Store(1000)
	b.release()
	b.wantParked(0)
	b.wantOutcomes(asks[len(asks)-2].key, fmt.Sprintf("1 expired %d", len(asks)-2))
}

// A parked request that fails through its own fault becomes a dead letter, and the requests behind it are decided. A replay
// gives the final outcome.
func TestAParkedRequestCanBeSpoiled(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"panic", "bug", "too big"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.get(doing("a", 1, how, "pen").needing(2), put("a", 2, "pad"))
			b.broken.Store(true)
			b.shelf("a", 2)
			b.release()
			b.wantOutcomes("a", "1 unreadable, 2 accepted pad v1")
			b.wantLetters("0:poison/open")
			b.wantParked(0)
			b.broken.Store(false)
			if _, err := b.consumer.Replay(t.Context(), query[int64](b, `SELECT id FROM dead_letter`), "Ada", ""); err != nil {
				t.Error(err)
			}
			b.wantOutcomes("a", "1 unreadable, 2 accepted pad v1, 3 accepted pen v1")
			b.wantLetters("0:poison/replayed")
		})
	}
}

// A new version of the service may be unable to read what an old one has parked.
func TestAParkedRequestCanBecomeUnreadable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(put("a", 1, "pen").needing(2), put("a", 2, "pad").needing(2), put("a", 3, "ink"))
	for name, sql := range map[string]string{
		"pen": `UPDATE parked_request SET message = '{' WHERE number = 1`,
		"pad": `UPDATE parked_request SET message = convert_to(replace(convert_from(message, 'UTF8'), '"needs":2', '"needs":"two"'), 'UTF8') WHERE number = 2`,
	} {
		if _, err := b.pool.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %s", name, err)
		}
	}
	b.shelf("a", 2)
	b.release()
	b.wantOutcomes("a", "1 unreadable, 2 unreadable, 3 accepted ink v1")
	b.wantLetters("0:poison/open 1:poison/open")
	if n := query[int](b, `SELECT count(*) FROM dead_letter WHERE event_id IS NOT NULL`); n != 2 {
		t.Errorf("%d dead letters have the id of their request, want 2", n)
	}
	b.wantParked(0)
}

// A key whose requests cannot be decided at the moment holds up no other key.
func TestAKeyInTroubleHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(doing("a", 1, "MS001", "pen").needing(2), put("b", 1, "pad").needing(2))
	b.broken.Store(true)
	b.shelf("a", 2)
	b.shelf("b", 2)
	b.release()
	b.wantOutcomes("a", "")
	b.wantOutcomes("b", "1 accepted pad v1")
	b.broken.Store(false)
	b.release()
	b.wantOutcomes("a", "1 accepted pen v1")
}

// A key waits for a row that another transaction holds for long. It holds up no other key.
func TestAKeyThatWaitsForALockHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(put("b", 1, "pad"))
	b.get(doing("a", 1, "take", "pad").needing(2), put("b", 2, "pen").needing(2))
	holder, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(t.Context(), `SELECT FROM thing WHERE name = 'pad' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	b.shelf("a", 2)
	b.shelf("b", 2)
	b.release()
	b.wantOutcomes("a", "")
	b.wantOutcomes("b", "1 accepted pad v1, 2 accepted pen v1")
	if err := holder.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.release()
	b.wantOutcomes("a", "1 accepted pad v2")
}

// Run needs no kick: it finds requests whose version another instance has applied.
func TestRun(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(put("a", 1, "pen").needing(2))
	b.runUntilTheEnd()
	b.shelf("a", 2)
	b.eventually("the request is decided", func() bool { return b.outcomes("a") != "" })
	b.wantOutcomes("a", "1 accepted pen v1")
}

// A kick is noticed at once. The sweep of this test never comes.
func TestKick(t *testing.T) {
	t.Parallel()
	b := on(t, setup(t).pool, func(c *request.OwnerConfig[*tx, order]) { c.Sweep = 1 << 60 })
	b.get(put("a", 1, "pen").needing(2))
	b.runUntilTheEnd()
	b.shelf("a", 2)
	b.owner.Kick()
	b.owner.Kick()
	b.eventually("the request is decided", func() bool { return b.outcomes("a") != "" })
}

func (b *bundle) runUntilTheEnd() {
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- b.owner.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Errorf("ended with %v", err)
		}
	})
}

// Several instances release at the same time. Each request has one effect, and each key keeps its order.
func TestSeveralInstancesRelease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var asks []ask
	for n := range int64(20) {
		key := fmt.Sprintf("shelf%d", n)
		asks = append(asks, put(key, 1, key).needing(2), doing(key, 2, "take", key), put(key, 3, key))
	}
	b.get(asks...)
	for _, a := range asks {
		b.shelf(a.key, 2)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := on(t, b.pool).owner.ReleaseAll(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	b.release() // keys that were locked at the moment are left to the next one
	for _, a := range asks {
		b.wantOutcomes(a.key, fmt.Sprintf("1 accepted %s v1, 2 accepted %s v2, 3 accepted %s v1", a.key, a.key, a.key))
	}
	b.wantParked(0)
}

// Schedule: while a batch that parks a request of the key is being committed, the version arrives, and Run looks. It must
// not wait for the batch, and it finds the request after the batch.
func TestAReleaseDoesNotWaitForABatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(put("a", 1, "pen").needing(2))
	b.shelf("a", 2)
	holder, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(t.Context(), `SELECT FROM message_number WHERE key = 'a' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	b.release()
	b.wantParked(1)
	if err := holder.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.release()
	b.wantOutcomes("a", "1 accepted pen v1")
}

// The statements of Run are planned while no request is parked, and the connection keeps the plan. The table may grow.
func TestPlansDoNotDependOnAnEmptyTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `VACUUM ANALYZE parked_request, decided_request, message_number`); err != nil {
		t.Fatal(err)
	}
	var plan string
	b = on(t, b.pool, func(c *request.OwnerConfig[*tx, order]) {
		c.Versions = func(ctx context.Context, t *tx, keys []string) (map[string]int64, error) {
			rows, err := t.Query(ctx, `EXPLAIN (COSTS OFF) SELECT DISTINCT ON (p.key) p.key, p.needs FROM parked_request p
				WHERE p.topic = $1 AND p.key > $2 ORDER BY p.key, p.number LIMIT $3`, topic, "", 1000)
			if err != nil {
				return nil, err
			}
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			plan = strings.Join(lines, "\n")
			return map[string]int64{}, err
		}
	})
	b.get(put("a", 1, "pen").needing(2))
	plan = ""
	b.release()
	if !strings.Contains(plan, "Index") || strings.Contains(plan, "Seq Scan") {
		t.Errorf("parked requests are not found by their key:\n%s", plan)
	}
}
