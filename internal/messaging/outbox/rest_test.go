package outbox

import (
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// A shard that has used up its epochs rests. A restart does not begin the rest again, and does not make it shorter.
func TestARestGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `UPDATE outbox_shard SET epoch = 32767, producer_id = 1000 + shard`); err != nil {
		t.Fatal(err)
	}
	b.append(versions(b.products, "a", 1, 3)...)
	const rest = 4 * time.Second
	short := func(c *Config, k Broker) Broker { c.WrapRest = rest; return k }
	left := func() (longest *int64) {
		if err := b.pool.QueryRow(t.Context(), `SELECT max(rest_ms) FROM outbox_lease`).Scan(&longest); err != nil {
			t.Fatal(err)
		}
		return longest
	}
	first := b.start("first", short)
	kafkatest.Eventually(t, "a part of the rest is over", func() bool {
		ms := left()
		return ms != nil && *ms < rest.Milliseconds()*3/4
	})
	first.stop()
	then := time.Duration(*left()) * time.Millisecond
	again := time.Now()
	second := b.start("second", short)
	kafkatest.Eventually(t, "everything is sent", func() bool {
		if ms := left(); ms != nil && *ms > then.Milliseconds() {
			t.Fatalf("%d ms are left after the restart, %v were left before", *ms, then)
		}
		return b.pending() == 0
	})
	if took := time.Since(again); took < then-time.Millisecond {
		t.Errorf("sent %v after the restart, although %v of the rest were left", took, then)
	}
	second.waitForShards(allShards)
	if ms := left(); ms != nil {
		t.Errorf("%d ms of a rest are left, although the producer ids are new", *ms)
	}
}

func TestRestsOfShards(t *testing.T) {
	t.Parallel()
	start := time.Now()
	ms := func(d time.Duration) *int64 { n := d.Milliseconds(); return &n }
	tp := broker.TopicPartition{Topic: "topic", Partition: 1}
	full, wrapped := 15*time.Minute, lease{tp: tp, epoch: maxEpoch + 1, producerID: 7}
	r := shardRests{full: full, ends: map[broker.TopicPartition]time.Time{}}
	want := func(after time.Duration) {
		t.Helper()
		if got, rests := r.ends[tp]; !rests || !got.Equal(start.Add(after)) {
			t.Errorf("the rest ends after %v (%v), want %v", got.Sub(start), rests, after)
		}
	}
	r.observe(lease{tp: tp, epoch: maxEpoch, producerID: 7}, ms(time.Minute), start)
	r.observe(lease{tp: tp, epoch: maxEpoch + 1, producerID: -1}, ms(time.Minute), start)
	if len(r.ends) != 0 {
		t.Errorf("shards rest that have a fresh epoch or no producer id: %v", r.ends)
	}
	r.observe(wrapped, nil, start)
	want(full)
	r.observe(wrapped, ms(time.Minute), start.Add(time.Second)) // the database lags behind, or its row was changed
	want(full)
	r.keep([]lease{wrapped})
	want(full)
	r.keep(nil) // another instance has taken the shard over, and gives it back
	r.observe(wrapped, ms(time.Minute), start.Add(time.Hour))
	want(time.Hour + time.Minute)
}
