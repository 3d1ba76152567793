package consumer_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// shared is a consumer whose first transaction stays open until goOn is closed.
type shared struct {
	*bundle
	goOn  chan struct{}
	wg    sync.WaitGroup
	first error
}

func share(t *testing.T, change ...func(*consumer.Config[*tx])) *shared {
	t.Helper()
	s, begun := &shared{goOn: make(chan struct{})}, make(chan struct{})
	hold := wrap(func(_ context.Context, call int64, _ *tx) error {
		if call == 1 {
			close(begun)
			<-s.goOn
		}
		return nil
	})
	patient := func(c *consumer.Config[*tx]) { c.MaxShareWait = time.Hour }
	s.bundle = setup(t, append([]func(*consumer.Config[*tx]){patient, hold}, change...)...)
	s.place(9)
	s.wg.Go(func() { s.first = s.Handle(t.Context(), at(9), 0, broker.At(1), log(0, named("first", 1))) })
	<-begun
	return s
}

func at(partition int) broker.TopicPartition {
	return broker.TopicPartition{Topic: topic, Partition: partition}
}

// place seeds the position of a partition with 0.
func (s *shared) place(partition int) {
	s.t.Helper()
	if _, err := s.Position(s.t.Context(), at(partition), broker.LogStart{}); err != nil {
		s.t.Fatal(err)
	}
}

// handle applies one record in each partition, with the record's index as its number. It waits until all of them wait to
// share a transaction, lets the first transaction go on, and returns the errors.
func (s *shared) handle(records ...broker.Record) []error {
	s.t.Helper()
	errs := make([]error, len(records))
	for p, r := range records {
		s.place(p)
		s.wg.Go(func() { errs[p] = s.Handle(s.t.Context(), at(p), 0, broker.At(1), log(0, r)) })
	}
	kafkatest.Eventually(s.t, "all of them wait", func() bool { return s.Waiting() == len(records) })
	close(s.goOn)
	s.wg.Wait()
	if s.first != nil {
		s.t.Errorf("the first: %v", s.first)
	}
	return errs
}

// positions returns the positions of the partitions below 9, in order.
func (s *shared) positions() string {
	s.t.Helper()
	return query[string](s.bundle, `SELECT coalesce(string_agg(next_offset::text, ' ' ORDER BY part), '') FROM consumer_position WHERE part < 9`)
}

func TestSmallBatchesShareATransaction(t *testing.T) {
	t.Parallel()
	s := share(t)
	for p, err := range s.handle(named("a", 1), named("b", 1), named("c", 1)) {
		if err != nil {
			t.Errorf("partition %d: %v", p, err)
		}
	}
	s.wantChanges("first1 a1 b1 c1")
	if got := s.positions(); got != "1 1 1" {
		t.Errorf("positions %s", got)
	}
	if calls, commits := s.calls.Load(), s.committed.Load(); calls != 2 || commits != 2 {
		t.Errorf("%d calls of the handler and %d commits, want 2 and 2", calls, commits)
	}
	if n := query[int](s.bundle, `SELECT count(DISTINCT xmin::text) FROM thing_copy`); n != 2 {
		t.Errorf("%d transactions, want 2", n)
	}
}

// A batch that fails does not affect the batches with which it shared the transaction.
func TestASharedTransactionThatFails(t *testing.T) {
	t.Parallel()
	t.Run("poison", func(t *testing.T) {
		t.Parallel()
		s := share(t)
		for p, err := range s.handle(named("a", 1), failing("b", 1, "poison"), named("c", 1)) {
			if err != nil {
				t.Errorf("partition %d: %v", p, err)
			}
		}
		if got := s.positions(); got != "1 1 1" {
			t.Errorf("positions %s", got)
		}
		s.wantLetters("0:poison/open")
		if names := query[string](s.bundle, `SELECT string_agg(id, ' ' ORDER BY id) FROM thing_copy`); names != "a c first" {
			t.Errorf("applied %s", names)
		}
	})
	t.Run("an error that is not the event's fault", func(t *testing.T) {
		t.Parallel()
		s := share(t)
		errs := s.handle(named("a", 1), failing("b", 1, "unknown"), named("c", 1))
		if errs[0] != nil || errs[2] != nil || errs[1] == nil || !strings.Contains(errs[1].Error(), errUnknown.Error()) {
			t.Errorf("errors %v", errs)
		}
		if got := s.positions(); got != "1 0 1" {
			t.Errorf("positions %s", got)
		}
	})
	t.Run("a position that was moved", func(t *testing.T) {
		t.Parallel()
		s := share(t)
		s.place(1)
		if _, err := s.pool.Exec(t.Context(), `UPDATE consumer_position SET next_offset = 7 WHERE part = 1`); err != nil {
			t.Fatal(err)
		}
		errs := s.handle(named("a", 1), named("b", 1), named("c", 1))
		if errs[0] != nil || errs[2] != nil {
			t.Errorf("errors %v", errs)
		}
		wantReseek(t, errs[1])
		if got := s.positions(); got != "1 7 1" {
			t.Errorf("positions %s", got)
		}
	})
}

// A locked row delays only the batch that needs it.
func TestALockedRowHoldsUpItsOwnPartition(t *testing.T) {
	t.Parallel()
	s := share(t)
	if _, err := s.pool.Exec(t.Context(), `INSERT INTO thing_copy (id, version) VALUES ('b', 0)`); err != nil {
		t.Fatal(err)
	}
	holder, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(t.Context(), `SELECT FROM thing_copy WHERE id = 'b' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	s.wg.Go(func() {
		defer func() {
			if err := holder.Rollback(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		}()
		kafkatest.Eventually(t, "the others are applied", func() bool { return s.positions() == "1 0 1" })
	})
	for p, err := range s.handle(named("a", 1), named("b", 1), named("c", 1)) {
		if err != nil {
			t.Errorf("partition %d: %v", p, err)
		}
	}
	if got := s.positions(); got != "1 1 1" {
		t.Errorf("positions %s", got)
	}
}

// A slow transaction delays no other partition: a batch that has waited for it gets a transaction of its own.
func TestASlowTransactionHoldsUpNoOtherPartition(t *testing.T) {
	t.Parallel()
	s := share(t, func(c *consumer.Config[*tx]) { c.MaxShareWait = time.Millisecond })
	for p := range 3 {
		s.place(p)
		if err := s.Handle(t.Context(), at(p), 0, broker.At(1), log(0, named(fmt.Sprint("p", p), 1))); err != nil {
			t.Errorf("partition %d: %v", p, err)
		}
	}
	if got := s.positions(); got != "1 1 1" {
		t.Errorf("positions %s", got)
	}
	close(s.goOn)
	s.wg.Wait()
}

// A stop removes a batch that still waits.
func TestAStopWhileWaiting(t *testing.T) {
	t.Parallel()
	s := share(t)
	s.place(0)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	s.wg.Go(func() { failed <- s.Handle(ctx, at(0), 0, broker.At(1), log(0, named("a", 1))) })
	kafkatest.Eventually(t, "it waits", func() bool { return s.Waiting() == 1 })
	cancel()
	if err := <-failed; err == nil {
		t.Error("it is applied")
	}
	close(s.goOn)
	s.wg.Wait()
	if got := s.positions(); got != "0" {
		t.Errorf("positions %s", got)
	}
}
