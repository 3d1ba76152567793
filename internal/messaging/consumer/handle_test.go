package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// The position moves in the transaction of the effects.
func TestThePositionMovesWithTheEffects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(100)
	// Offsets 100, 101 and 103 were compacted away or are control records.
	records := []broker.Fetched{
		{Record: named("a", 1), Offset: 102}, {Record: named("b", 1), Offset: 104}, {Record: named("a", 2), Offset: 105},
	}
	if err := b.Handle(t.Context(), tp, 100, broker.At(110), records); err != nil {
		t.Fatal(err)
	}
	b.wantPosition(110)
	b.wantChanges("a1 b1 a2")
	if b.committed.Load() != 1 || b.calls.Load() != 1 {
		t.Errorf("%d commits and %d calls, want one of each", b.committed.Load(), b.calls.Load())
	}
}

func TestThePositionStaysWithoutTheEffects(t *testing.T) {
	t.Parallel()
	for _, how := range []string{
		"unknown", "conflict", "unavailable", "cut", "late bug", "08006", "40001", "40P01", "53300", "55P03", "57P01",
		"XX000", "MS001",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.seed(0)
			err := b.Handle(t.Context(), tp, 0, broker.At(3), log(0, named("a", 1), failing("b", 1, how), named("c", 1)))
			if err == nil || errors.Is(err, broker.ErrReseek) {
				t.Fatalf("error %v, want one that holds the partition", err)
			}
			b.wantPosition(0)
			b.wantChanges("")
			b.wantLetters("")
			if p := b.State().Partitions[0]; p.Held == "" || p.Attempts != 1 || p.HeldSince == nil {
				t.Errorf("the state says %+v, want the partition held", p)
			}
			if b.committed.Load() != 0 {
				t.Error("woke the relay without a commit")
			}
			b.handle(0, named("a", 1), named("b", 1)) // the failure is over
			b.wantPosition(2)
			b.wantChanges("a1 b1")
			if p := b.State().Partitions[0]; p.Held != "" || p.Attempts != 0 || p.Position != 2 {
				t.Errorf("the state says %+v, want the partition free", p)
			}
		})
	}
}

func TestPositionIsSeededOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, logStart := range []int64{40, 60} {
		if next, err := b.Position(t.Context(), tp, broker.LogStart{Offset: logStart}); err != nil || next.Offset != 40 {
			t.Errorf("position %v, error %v, want 40", next, err)
		}
	}
	b.handle(40, named("a", 1))
	if next, err := on(t, b.pool).Position(t.Context(), tp, broker.LogStart{Offset: 60}); err != nil || next.Offset != 41 {
		t.Errorf("position %v, error %v, want 41", next, err)
	}
}

func TestAnEmptyBatchMovesThePosition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(7)
	for range 2 { // the second call changes nothing
		if err := b.Handle(t.Context(), tp, 7, broker.At(7), nil); err != nil {
			t.Fatal(err)
		}
		b.wantPosition(7)
	}
	if err := b.Handle(t.Context(), tp, 7, broker.At(20), nil); err != nil {
		t.Fatal(err)
	}
	b.wantPosition(20)
	wantReseek(t, b.Handle(t.Context(), tp, 7, broker.At(20), nil))
	if b.calls.Load() != 0 {
		t.Error("the handler was called without events")
	}
}

func TestABatchAppliedBeforeIsNotAppliedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	b.handle(0, named("a", 1), named("a", 2))
	wantReseek(t, b.Handle(t.Context(), tp, 0, broker.At(2), log(0, named("a", 1), named("a", 2))))
	wantReseek(t, b.Handle(t.Context(), tp, 1, broker.At(3), log(1, named("a", 2), named("a", 3))))
	b.wantPosition(2)
	b.wantChanges("a1 a2")
}

// Duplicates and older versions reach the handler, and its version guard ignores them.
func TestDuplicatesAndOlderVersionsChangeNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	b.handle(0, named("a", 1), named("a", 2), named("a", 1), named("a", 2), named("a", 3))
	b.handle(5, named("a", 2), named("a", 3))
	b.wantChanges("a1 a2 a3")
	b.wantPosition(7)
}

// A batch that needs more time than a transaction has is not retried whole forever.
func TestABatchThatTakesTooLongIsAppliedOneByOne(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]func(ctx context.Context, t *tx) error{
		"the transaction's time is over": func(ctx context.Context, t *tx) error {
			_, err := t.Exec(ctx, `SELECT pg_sleep(60)`)
			return err
		},
		"the statement's time is over": func(ctx context.Context, t *tx) error {
			_, err := t.Exec(ctx, `SET LOCAL statement_timeout = 10; SELECT pg_sleep(60)`)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *consumer.Config[*tx]) {
				c.Timeout = 2 * time.Second
				inner := c.Topics[topic]
				c.Topics = map[string]consumer.Handler[*tx]{topic: func(ctx context.Context, t *tx, events []consumer.Event) error {
					if len(events) > 1 {
						return late(ctx, t)
					}
					return inner(ctx, t, events)
				}}
			})
			b.seed(0)
			b.handle(0, named("a", 1), named("b", 1), named("a", 2))
			b.wantChanges("a1 b1 a2")
			b.wantPosition(3)
			b.wantLetters("")
		})
	}
}

func TestRecordsOutOfOrderAreHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	for name, records := range map[string][]broker.Fetched{
		"before the position": log(-1, named("a", 1)),
		"behind the end":      log(2, named("a", 1)),
		"twice":               {{Record: named("a", 1), Offset: 1}, {Record: named("a", 2), Offset: 1}},
	} {
		if err := b.Handle(t.Context(), tp, 0, broker.At(2), records); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	b.wantPosition(0)
	b.wantChanges("")
}

// READ COMMITTED is necessary: a statement of the handler must see what was committed before the statement, not only what
// was committed before the transaction (H4 write skew).
func TestTheTransactionIsReadCommitted(t *testing.T) {
	t.Parallel()
	level := ""
	b := setup(t, wrap(func(ctx context.Context, _ int64, t *tx) error {
		return t.QueryRow(ctx, `SHOW transaction_isolation`).Scan(&level)
	}))
	b.seed(0)
	b.handle(0, named("a", 1))
	if level != "read committed" {
		t.Errorf("the transaction is %q", level)
	}
}

// H8 purged key: a null value is an operator's purge, not poison.
func TestAPurgeReachesTheHandler(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	b.handle(0, named("a", 1), failing("a", 2, "poison"), failing("b", 1, "poison"), purge("a"), purge("never seen"))
	b.wantLetters("1:poison/superseded 2:poison/open")
	if got := query[string](b, `SELECT id || version || coalesce(name, '-') || deleted FROM thing_copy`); got != "a1-true" {
		t.Errorf("the copy is %q", got)
	}
	b.wantPosition(5)
}

func TestATopicWithoutHandlerIsHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := broker.TopicPartition{Topic: "other"}
	if _, err := b.Position(t.Context(), other, broker.LogStart{}); err != nil {
		t.Fatal(err)
	}
	err := b.Handle(t.Context(), other, 0, broker.At(1), log(0, named("a", 1)))
	if err == nil || !strings.Contains(err.Error(), "no handler for the topic other") {
		t.Errorf("error %v", err)
	}
}

// While the consumer catches up, requests must still get connections of the pool.
func TestConcurrentTransactionsAreLimited(t *testing.T) {
	t.Parallel()
	var (
		mu          sync.Mutex
		under, most int
		calls       atomic.Int64
	)
	enter := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		under += n
		most = max(most, under)
	}
	both := make(chan struct{})
	b := setup(t, func(c *consumer.Config[*tx]) { c.Transactions = 2 }, wrap(func(context.Context, int64, *tx) error {
		enter(1)
		if calls.Add(1) == 2 {
			close(both)
		}
		<-both // the first two run at the same time
		enter(-1)
		return nil
	}))
	var wg sync.WaitGroup
	for p := range 6 {
		wg.Go(func() {
			tp := broker.TopicPartition{Topic: topic, Partition: p}
			if _, err := b.Position(t.Context(), tp, broker.LogStart{}); err != nil {
				t.Error(err)
			}
			var large []broker.Record // small batches would share a transaction
			for i := range 64 {
				large = append(large, named(fmt.Sprintf("p%d-%d-", p, i), 1))
			}
			if err := b.Handle(t.Context(), tp, 0, broker.At(64), log(0, large...)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most != 2 || calls.Load() != 6 {
		t.Errorf("%d at a time and %d calls, want 2 and 6", most, calls.Load())
	}
}
