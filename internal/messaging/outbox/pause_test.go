//go:build !realkafka

package outbox

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/testkit/kafkatest"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// pause pauses a topic and waits until every instance has noticed it.
func (b *bundle) pause(topic string) {
	b.t.Helper()
	err := pgx.BeginFunc(b.t.Context(), b.pool, func(tx pgx.Tx) error {
		_, err := Pause(b.t.Context(), tx, topic, "maintenance")
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.waitForBeats(2)
}

func (b *bundle) resume(topic string) {
	b.t.Helper()
	err := pgx.BeginFunc(b.t.Context(), b.pool, func(tx pgx.Tx) error {
		_, err := Resume(b.t.Context(), tx, topic)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// A paused topic waits, and does not disturb the others. A restart does not end the pause. No epoch is used up for it.
func TestPause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.start("first")
	first.waitForShards(allShards)
	b.append(versions(b.products, "before", 1, 2)...)
	b.waitUntilSent()
	b.pause(b.products)
	before := b.leaseEpochs()
	keys := keyOfEachShard()
	for _, key := range keys {
		b.append(versions(b.products, key, 1, 3)...)
		b.append(versions(b.markets, key, 1, 3)...)
	}
	paused := int64(len(keys) * 3)
	kafkatest.Eventually(t, "the other topic is sent", func() bool { return b.pending() == paused })
	b.waitForBeats(10)
	if got := b.leaseEpochs(); !slices.Equal(got, before) {
		t.Errorf("epochs %v became %v", before, got)
	}
	first.stop()
	second := b.start("second")
	second.waitForShards(allShards)
	b.waitForBeats(5)
	if n := b.pending(); n != paused {
		t.Errorf("%d events are pending, want %d", n, paused)
	}
	b.resume(b.products)
	b.waitUntilSent()
	for _, key := range keys {
		b.wantLog(b.products, key, 1, 2, 3)
		b.wantLog(b.markets, key, 1, 2, 3)
	}
}

func TestPauseOfTheWholeOutbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.start("a").waitForShards(allShards)
	b.pause(AllTopics)
	b.append(message(b.products, "a", 1), message(b.markets, "a", 1))
	b.waitForBeats(5)
	if n := b.pending(); n != 2 {
		t.Errorf("%d events are pending, want 2", n)
	}
	status, err := ReadStatus(t.Context(), b.pool)
	if err != nil || len(status.Paused) != 1 || status.Paused[0].Topic != AllTopics || status.Paused[0].Reason != "maintenance" {
		t.Errorf("status %+v, %v", status.Paused, err)
	}
	err = pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error {
		_, err := Resume(t.Context(), tx, b.products)
		return err
	})
	if !errors.Is(err, ErrAllPaused) {
		t.Errorf("one topic resumed: %v", err)
	}
	b.resume(AllTopics)
	b.waitUntilSent()
}

// A batch that may be in the log already is sent again, although its topic is paused now.
func TestABatchInFlightIsSentDuringAPause(t *testing.T) {
	t.Parallel()
	r := NewRelay(setup(t).pool, &silentBroker{}, Config{Topics: []string{"topic"}}, slog.New(slog.DiscardHandler))
	c := newCoordinator(r, t.Context(), uuid.New())
	l, now := freshLane(1), time.Now()
	c.lanes, c.deadline = []*lane{l}, now.Add(time.Hour)
	c.topics.of = map[string]topicCheck{"topic": {passed: true}}
	l.admit([]messagingdb.ClaimPendingRow{
		{Shard: 3, Seq: 1, Topic: "topic", Key: "a", Version: 1, Payload: []byte("x")},
		{Shard: 3, Seq: 2, Topic: "topic", Key: "a", Version: 2, PrevSeq: 1, Payload: []byte("x")},
	}, false)
	l.leaderKnown = true
	c.paused = pauses{"topic": {Topic: "topic"}}
	if c.mayStart(l, now) {
		t.Error("a new batch would be sent")
	}
	if err := l.freeze(1, 1<<20); err != nil {
		t.Fatal(err)
	}
	if !c.mayStart(l, now) {
		t.Error("the batch in flight would not be sent")
	}
	l.takeWritten(0)
	if c.mayStart(l, now) {
		t.Error("a batch would be sent after it")
	}
}
