package broker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestConsumeAppliesInOrderFromTheStoredPosition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 0, numbers(0, 10)...)
	b.write(t, 1, "other")
	db := newCopies()
	db.set(b.tp(0), 4)
	stop := b.consume(t, b.client, broker.GroupConfig{MaxRecords: 3}, db)
	kafkatest.Eventually(t, "all is applied", func() bool { return db.count() == 7 })
	b.write(t, 0, "late")
	kafkatest.Eventually(t, "what came later is applied", func() bool { return db.count() == 8 })
	stop()
	if got, want := db.values(b.tp(0)), append(numbers(4, 10), "late"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if db.position(b.tp(0)) != 11 || db.position(b.tp(1)) != 1 || db.largest > 3 {
		t.Errorf("positions %v, largest batch %d", db.positions, db.largest)
	}
}

func TestConsumeKeepsNullValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Write(t, b.tp(0), broker.Record{Key: []byte("purged"), Time: time.Now()}, broker.Record{Key: []byte("empty"), Value: []byte{}, Time: time.Now()})
	db := newCopies()
	stop := b.consume(t, b.client, broker.GroupConfig{}, db)
	kafkatest.Eventually(t, "both are applied", func() bool { return db.count() == 2 })
	stop()
	got := db.applied[b.tp(0)]
	if string(got[0].Key) != "purged" || got[0].Value != nil || got[1].Value == nil {
		t.Errorf("got %+v", got)
	}
}

func TestReseekReadsFromTheStoredPositionAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 0, numbers(0, 20)...)
	db := newCopies()
	var once sync.Once
	db.before = func(context.Context, broker.TopicPartition, []broker.Fetched) error {
		// Another member has applied records in the meantime.
		once.Do(func() { db.set(b.tp(0), 15) })
		return nil
	}
	stop := b.consume(t, b.client, broker.GroupConfig{MaxRecords: 5}, db)
	kafkatest.Eventually(t, "the rest is applied", func() bool { return db.position(b.tp(0)) == 20 })
	stop()
	if got, want := db.values(b.tp(0)), numbers(15, 20); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFailingHandlerIsOfferedTheSameBatchAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 0, numbers(0, 5)...)
	db := newCopies()
	var mu sync.Mutex
	failures := 0
	var offered []string
	db.before = func(_ context.Context, tp broker.TopicPartition, records []broker.Fetched) error {
		mu.Lock()
		defer mu.Unlock()
		if tp == b.tp(0) && failures < 3 {
			failures++
			offered = append(offered, fmt.Sprint(records[0].Offset, len(records)))
			return errors.New("the database is away")
		}
		return nil
	}
	stop := b.consume(t, b.client, broker.GroupConfig{}, db)
	b.write(t, 1, "other") // is not delayed
	kafkatest.Eventually(t, "the failure is seen or over", func() bool {
		s := b.state(b.client)
		return db.position(b.tp(0)) == 5 || len(s.Partitions) == 2 && strings.Contains(s.Partitions[0].Error, "the database is away")
	})
	kafkatest.Eventually(t, "all is applied", func() bool { return db.position(b.tp(0)) == 5 && db.position(b.tp(1)) == 1 })
	kafkatest.Eventually(t, "the failure is over", func() bool { return b.state(b.client).Partitions[0].Error == "" })
	stop()
	if got := db.values(b.tp(0)); !slices.Equal(got, numbers(0, 5)) {
		t.Errorf("got %q", got)
	}
	if offered[0] != offered[1] || offered[1] != offered[2] {
		t.Errorf("offered %q", offered)
	}
}

func TestPositionOutsideTheLogHaltsOnlyItsPartition(t *testing.T) {
	t.Parallel()
	for name, position := range map[string]int64{"beyond the log's end": 1000, "before the log's start": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.write(t, 0, numbers(0, 5)...)
			b.write(t, 1, "other")
			db := newCopies()
			db.set(b.tp(0), position)
			b.consume(t, b.client, broker.GroupConfig{HaltRecheck: 20 * time.Millisecond}, db)
			kafkatest.Eventually(t, "the partition is halted", func() bool { return len(b.state(b.client).Halted()) == 1 })
			halted := b.state(b.client).Halted()[0]
			if halted.TopicPartition != b.tp(0) || !strings.Contains(halted.Halted, name) {
				t.Errorf("got %+v", halted)
			}
			kafkatest.Eventually(t, "the other partition is applied", func() bool { return db.position(b.tp(1)) == 1 })
			if db.position(b.tp(0)) != position {
				t.Error("the position was changed")
			}
			db.set(b.tp(0), 3) // an operator corrects it
			kafkatest.Eventually(t, "it is read again", func() bool { return db.position(b.tp(0)) == 5 })
			kafkatest.Eventually(t, "it is no longer halted", func() bool { return len(b.state(b.client).Halted()) == 0 })
			if got := db.values(b.tp(0)); !slices.Equal(got, numbers(3, 5)) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestMissingTopicIsWaitedForAndNotCreated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 0, "there")
	missing := b.Topic("missing")
	db := newCopies()
	cfg := broker.GroupConfig{Topics: []string{missing, b.topic}, TopicBackoff: 20 * time.Millisecond}
	b.consume(t, b.client, cfg, db)
	kafkatest.Eventually(t, "the topic that exists is read", func() bool { return db.position(b.tp(0)) == 1 })
	for range 3 {
		before := b.Requests(kafkatest.Metadata)
		kafkatest.Eventually(t, "it is looked for", func() bool { return b.Requests(kafkatest.Metadata) > before })
		if got := b.state(b.client).Missing; !slices.Equal(got, []string{missing}) {
			t.Fatalf("missing: %q", got)
		}
	}
	if _, err := b.client.Partitions(t.Context(), missing); !errors.Is(err, broker.ErrUnknownTopic) {
		t.Fatalf("asking for the topic has created it: %v", err)
	}
	b.CreateTopic(t, "missing", 1)
	tp := broker.TopicPartition{Topic: missing}
	b.Write(t, tp, broker.Record{Key: []byte("k"), Value: []byte("v"), Time: time.Now()})
	kafkatest.Eventually(t, "it is read", func() bool { return len(db.values(tp)) == 1 })
	kafkatest.Eventually(t, "it is no longer missing", func() bool { return len(b.state(b.client).Missing) == 0 })
}

func TestNothingIsLostWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	db := newCopies()
	b.consume(t, b.client, broker.GroupConfig{}, db)
	b.write(t, 0, "before")
	kafkatest.Eventually(t, "it is applied", func() bool { return db.count() == 1 })
	b.Stop()
	b.write(t, 0, "meanwhile")
	kafkatest.Eventually(t, "the state says that Kafka is away", func() bool { return b.state(b.client).LastError != "" })
	b.Start()
	kafkatest.Eventually(t, "it is applied", func() bool { return db.count() == 2 })
	kafkatest.Eventually(t, "the state shows no problem", func() bool {
		s := b.state(b.client)
		return s.LastError == "" && s.Joined
	})
	b.Pause()
	b.write(t, 1, "hung")
	b.Resume()
	kafkatest.Eventually(t, "it is applied", func() bool { return db.count() == 3 })
}

func TestStopFinishesTheRunningBatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.write(t, 0, numbers(0, 3)...)
	db := newCopies()
	reached, release := make(chan struct{}), make(chan struct{})
	db.before = func(ctx context.Context, _ broker.TopicPartition, _ []broker.Fetched) error {
		close(reached)
		<-release
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- b.client.Consume(ctx, broker.GroupConfig{GroupID: b.Topic("group"), Topics: []string{b.topic}}, db)
	}()
	<-reached
	cancel()
	select {
	case err := <-done:
		t.Fatal("Consume ended while a batch was being applied", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if db.position(b.tp(0)) != 3 {
		t.Error("the running batch is not applied")
	}
}

func TestBacklogIsFetchedInBoundedPieces(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n = 3000
	for i := 0; i < n; i += 500 {
		b.write(t, 0, numbers(i, i+500)...)
	}
	db := newCopies()
	b.consume(t, b.client, broker.GroupConfig{MaxRecords: 100, MaxBytes: 4096}, db)
	kafkatest.Eventually(t, "all is applied", func() bool { return db.count() == n })
	if got := db.values(b.tp(0)); !slices.Equal(got, numbers(0, n)) || db.largest > 100 {
		t.Errorf("%d records, largest batch %d", len(got), db.largest)
	}
}
