package broker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a broker, a client of it, and a topic with two partitions.
type bundle struct {
	*kafkatest.Broker
	client *broker.Client
	topic  string
	id     int64 // producer id
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{Broker: kafkatest.New(t)}
	b.client = b.Client(t)
	b.topic = b.CreateTopic(t, "events", 2)
	var err error
	if b.id, err = b.client.NewProducerID(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bundle) tp(partition int) broker.TopicPartition {
	return broker.TopicPartition{Topic: b.topic, Partition: partition}
}

// batch returns a batch with one record for each value, all with the same key.
func (b *bundle) batch(t *testing.T, partition int, epoch int16, sequence int32, values ...string) *broker.Batch {
	t.Helper()
	var records []broker.Record
	for _, v := range values {
		records = append(records, broker.Record{Key: []byte("key"), Value: []byte(v), Time: time.Now()})
	}
	batch, err := broker.EncodeBatch(b.tp(partition), broker.ProducerSession{ID: b.id, Epoch: epoch}, sequence, records)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// send retries while the leader is not known everywhere, which happens just after a topic's creation.
func (b *bundle) send(t *testing.T, batches ...*broker.Batch) []broker.Result {
	t.Helper()
	for {
		results := b.client.Produce(t.Context(), batches)
		if !slices.ContainsFunc(results, func(r broker.Result) bool {
			return r.Err != nil && broker.VerdictOf(r.Err) == broker.NotWritten
		}) {
			return results
		}
	}
}

func (b *bundle) wantSent(t *testing.T, batch *broker.Batch, offset int64) {
	t.Helper()
	if r := b.send(t, batch)[0]; r.Err != nil || r.Offset != offset {
		t.Fatalf("got offset %d, %v, want offset %d", r.Offset, r.Err, offset)
	}
}

func (b *bundle) wantVerdict(t *testing.T, r broker.Result, want broker.Verdict) {
	t.Helper()
	if r.Err == nil {
		t.Fatalf("sent at offset %d, want the verdict %q", r.Offset, want)
	}
	if got := broker.VerdictOf(r.Err); got != want {
		t.Fatalf("verdict %q for %v, want %q", got, r.Err, want)
	}
}

func (b *bundle) wantLog(t *testing.T, partition int, want ...string) {
	t.Helper()
	var got []string
	for _, r := range b.Log(t, b.tp(partition)) {
		got = append(got, string(r.Value))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("the log of partition %d holds %q, want %q", partition, got, want)
	}
}

func TestRecordsAreReadUnchanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	records := []broker.Record{
		{Key: []byte("a"), Value: []byte(`{"n":1}`), Time: at, Headers: []broker.Header{
			{Key: "content-type", Value: []byte("application/cloudevents+json")}, {Key: "null"}, {Key: "empty", Value: []byte{}}}},
		{Key: []byte("a"), Value: nil, Time: at.Add(-time.Hour)},
		{Key: nil, Value: []byte("without key"), Time: at.Add(time.Millisecond)},
		{Key: []byte{}, Value: []byte{}, Time: at},
		{Key: []byte("large"), Value: bytes.Repeat([]byte("x"), broker.MaxBatchBytes-2000), Time: at},
	}
	batch, err := broker.EncodeBatch(b.tp(0), broker.ProducerSession{ID: b.id}, 0, records[:2])
	if err != nil {
		t.Fatal(err)
	}
	b.wantSent(t, batch, 0)
	// A compacted topic refuses null keys, so the record without a key is left out.
	batch, err = broker.EncodeBatch(b.tp(0), broker.ProducerSession{ID: b.id}, batch.NextSequence, records[3:])
	if err != nil {
		t.Fatal(err)
	}
	b.wantSent(t, batch, 2)

	log := b.Log(t, b.tp(0))
	want := slices.Delete(slices.Clone(records), 2, 3)
	if len(log) != len(want) {
		t.Fatalf("%d records, want %d", len(log), len(want))
	}
	for i, r := range log {
		if r.Offset != int64(i) {
			t.Errorf("record %d is at offset %d", i, r.Offset)
		}
		if !sameRecord(r.Record, want[i]) {
			t.Errorf("record %d: got %.200v, want %.200v", i, r.Record, want[i])
		}
	}
}

func sameRecord(a, b broker.Record) bool {
	same := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	return same(a.Key, b.Key) && same(a.Value, b.Value) && a.Time.Equal(b.Time) &&
		slices.EqualFunc(a.Headers, b.Headers, func(a, b broker.Header) bool {
			return a.Key == b.Key && same(a.Value, b.Value)
		})
}

func TestSameBytesTwiceAreOnceInTheLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.batch(t, 0, 0, 0, "1", "2")
	second := b.batch(t, 0, 0, first.NextSequence, "3")
	b.wantSent(t, first, 0)
	b.wantSent(t, first, 0)
	b.wantSent(t, second, 2)
	b.wantSent(t, first, 0)
	b.wantSent(t, second, 2)
	b.wantLog(t, 0, "1", "2", "3")
}

func TestLostAnswerIsAmbiguousAndSettledByTheSameBytes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.batch(t, 0, 0, 0, "1")
	b.wantSent(t, first, 0)
	second := b.batch(t, 0, 0, first.NextSequence, "2")
	b.LoseAnswers(kafkatest.Produce, 1)
	b.wantVerdict(t, b.client.Produce(t.Context(), []*broker.Batch{second})[0], broker.Resend)
	b.wantSent(t, second, 1)
	b.wantLog(t, 0, "1", "2")
}

func TestTimeoutIsAmbiguous(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.batch(t, 0, 0, 0, "1")
	b.wantSent(t, first, 0)
	second := b.batch(t, 0, 0, first.NextSequence, "2")
	reached, release := b.Hold(kafkatest.Produce)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	b.wantVerdict(t, b.client.Produce(ctx, []*broker.Batch{second})[0], broker.Resend)
	release()
	b.wantSent(t, second, 1)
	b.wantLog(t, 0, "1", "2")
}

func TestGapAsksForTheNextEpoch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.batch(t, 0, 3, 0, "1")
	b.wantSent(t, first, 0)
	b.wantVerdict(t, b.send(t, b.batch(t, 0, 3, first.NextSequence+1, "3"))[0], broker.NextEpoch)
	b.wantVerdict(t, b.send(t, b.batch(t, 0, 4, 1, "not from 0"))[0], broker.NextEpoch)
	again := b.batch(t, 0, 5, 0, "1", "2")
	b.wantSent(t, again, 1)
	b.wantLog(t, 0, "1", "1", "2")
}

func TestLowerEpochIsFenced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	zombie := b.batch(t, 0, 6, 0, "1")
	b.wantSent(t, b.batch(t, 0, 3, 0, "1"), 0)
	holder := b.batch(t, 0, 7, 0, "1", "2")
	b.wantSent(t, holder, 1)
	b.wantVerdict(t, b.send(t, zombie)[0], broker.Fenced)
	b.wantVerdict(t, b.send(t, b.batch(t, 0, 3, 1, "2"))[0], broker.Fenced)
	b.wantSent(t, holder, 1)
	b.wantSent(t, b.batch(t, 0, 32767, 0, "3"), 3)
	b.wantLog(t, 0, "1", "1", "2", "3")
}

func TestOnePartitionsFailureLeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tooLarge, err := broker.EncodeBatch(b.tp(0), broker.ProducerSession{ID: b.id}, 0,
		[]broker.Record{{Key: []byte("key"), Value: make([]byte, 1_100_000), Time: time.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	results := b.send(t, tooLarge, b.batch(t, 1, 0, 0, "fits"))
	b.wantVerdict(t, results[0], broker.Refused)
	if results[1].Err != nil {
		t.Error(results[1].Err)
	}
	b.wantLog(t, 0)
	b.wantLog(t, 1, "fits")
}

func TestVerdictsOfBrokerErrors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	verdicts := map[int16]broker.Verdict{
		-1: broker.Resend, 2: broker.Refused, 3: broker.NotWritten, 5: broker.NotWritten, 6: broker.NotWritten,
		7: broker.Resend, 10: broker.Refused, 14: broker.Resend, 15: broker.Resend, 16: broker.Resend, 18: broker.Refused,
		19: broker.Resend, 20: broker.Resend, 29: broker.Configuration, 31: broker.Configuration, 45: broker.NextEpoch,
		46: broker.Bug, 47: broker.Fenced, 48: broker.Bug, 49: broker.Bug, 51: broker.Resend, 53: broker.Configuration,
		56: broker.NotWritten, 59: broker.Bug, 87: broker.Refused, 90: broker.Fenced, 9999: broker.Resend,
	}
	sequence := int32(0)
	for code, want := range verdicts {
		b.RefuseProduce(b.tp(0), code, 1)
		other := b.batch(t, 1, 0, sequence, fmt.Sprint(code))
		sequence = other.NextSequence
		results := b.client.Produce(t.Context(), []*broker.Batch{b.batch(t, 0, 0, 0, "refused"), other})
		b.wantVerdict(t, results[0], want)
		var e *broker.Error
		if !errors.As(results[0].Err, &e) || e.Code != code || e.TP != b.tp(0) {
			t.Errorf("code %d: got %#v", code, results[0].Err)
		}
		if results[1].Err != nil {
			t.Errorf("code %d affected the other partition too: %v", code, results[1].Err)
		}
	}
	b.wantLog(t, 0)
}

func TestBatchThatTheBrokerMayHaveForgottenIsNotSent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	batch := b.batch(t, 0, 0, 0, "1")
	batch.EncodedAt = time.Now().Add(-time.Hour)
	b.wantVerdict(t, b.client.Produce(t.Context(), []*broker.Batch{batch})[0], broker.NextEpoch)
	b.wantLog(t, 0)
}

func TestProduceWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.batch(t, 0, 0, 0, "1")
	b.wantSent(t, first, 0)
	b.Stop()
	second := b.batch(t, 0, 0, first.NextSequence, "2")
	for range 3 {
		b.wantVerdict(t, b.client.Produce(t.Context(), []*broker.Batch{second})[0], broker.Resend)
	}
	if err := b.client.Ping(t.Context()); err == nil {
		t.Error("a broker that is away answers")
	}
	b.Start()
	b.wantSent(t, second, 1)
	if err := b.client.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	b.wantLog(t, 0, "1", "2")
}

func TestProduceGivesUpOnABrokerThatHangs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.wantSent(t, b.batch(t, 0, 0, 0, "1"), 0)
	b.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	second := b.batch(t, 0, 0, 1, "2")
	b.wantVerdict(t, b.client.Produce(ctx, []*broker.Batch{second})[0], broker.Resend)
	b.Resume()
	b.wantSent(t, second, 1)
	b.wantLog(t, 0, "1", "2")
}

func TestProducerIDsAreUnique(t *testing.T) {
	t.Parallel()
	b := setup(t)
	seen := map[int64]bool{b.id: true}
	for range 20 {
		id, err := b.client.NewProducerID(t.Context())
		if err != nil || seen[id] {
			t.Fatal(id, err)
		}
		seen[id] = true
	}
}
