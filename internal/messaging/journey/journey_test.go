package journey_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/journey"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// handle applies each event in the way that its key names.
func handle(_ context.Context, _ pgx.Tx, events []consumer.Event) error {
	for _, e := range events {
		switch e.Key {
		case "poison":
			return consumer.Poison("nobody wants it")
		case "unknown":
			e.UnknownType()
		case "known":
			e.SameVersion(true)
		}
	}
	return nil
}

// The publishing service knows when an event was committed and sent. The consuming one knows when it was received, and what became
// of it. Neither knows what only the other one can know.
func TestTheWayOfAnEvent(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	topic := kafka.CreateTopic(t, "shop.order.v1", event.Partitions)
	shop, bank := database(t), database(t)
	began := time.Now().Add(-time.Minute) // the clocks may differ a little
	keys := []string{"a", "known", "unknown", "poison", strings.Repeat("k", 3000)}
	first := appendEvent(t, shop, topic, "a", 1)
	for _, key := range keys[1:] {
		appendEvent(t, shop, topic, key, 1)
	}
	ref := journey.Ref{Topic: topic, Key: "a", Version: 1}
	pending, ok := find(t, shop, ref)
	if !ok || pending.ID != first.ID.String() || pending.Produced.IsSent || pending.Produced.Sent != nil || pending.Final() ||
		pending.Consumed != nil || pending.Produced.Committed.Before(began) {
		t.Errorf("before it is sent: %+v %+v", pending, pending.Produced)
	}

	relay := outbox.NewRelay(shop, kafka.Client(t), outbox.Config{Topics: []string{topic}}, quiet)
	run(t, relay.Run)
	kafkatest.Eventually(t, "all events are sent", func() bool {
		e, _ := find(t, shop, journey.Ref{Topic: topic, Key: keys[len(keys)-1]})
		a, _ := find(t, shop, ref)
		return a.Final() && e.Produced.IsSent
	})
	sent, _ := find(t, shop, ref)
	tp := broker.TopicPartition{Topic: topic, Partition: event.Partition([]byte("a"), event.Partitions)}
	log := kafka.Log(t, tp)
	place := sent.Produced.Sent
	if place == nil || place.Partition != tp.Partition || string(log[place.Offset].Key) != "a" || place.At.Before(sent.Produced.Committed) {
		t.Errorf("sent: %+v %+v", sent.Produced, place)
	}
	appendEvent(t, shop, topic, "a", 2)
	if newest, _ := find(t, shop, journey.Ref{Topic: topic, Key: "a"}); newest.Ref.Version != 2 {
		t.Errorf("the newest event of the key is %+v", newest)
	}

	c := consumer.New(bank, consumer.Config[pgx.Tx]{
		Group: kafka.Topic("bank"), Topics: map[string]consumer.Handler[pgx.Tx]{topic: handle}, Bind: func(tx pgx.Tx) pgx.Tx { return tx },
	}, quiet)
	run(t, func(ctx context.Context) error { return c.Run(ctx, kafka.Client(t)) })
	for key, want := range map[string]journey.Outcome{"a": journey.Applied, "known": journey.Known, "unknown": journey.Ignored, "poison": journey.Dead} {
		kafkatest.Eventually(t, "the event of "+key+" is passed", func() bool {
			_, ok := find(t, bank, journey.Ref{Topic: topic, Key: key, Version: 1})
			return ok
		})
		got, _ := find(t, bank, journey.Ref{Topic: topic, Key: key, Version: 1})
		if p := got.Consumed; got.Produced != nil || p.Outcome != want || p.Settled.Before(p.Received) || p.Received.Before(began) || !got.Final() {
			t.Errorf("%s: %+v %+v", key, got, p)
		}
		if letter := got.Consumed.Letter; (letter != nil) != (want == journey.Dead) || letter != nil && (letter.State != "open" || !strings.Contains(letter.Reason, "nobody wants it")) {
			t.Errorf("the dead letter of %s is %+v", key, letter)
		}
	}
	records(t, shop, bank, ref)
	consumed, _ := find(t, bank, ref)
	if consumed.ID != first.ID.String() || consumed.Consumed.Partition != place.Partition || consumed.Consumed.Offset != place.Offset {
		t.Errorf("both services know different things of one event: %+v %+v", place, consumed.Consumed)
	}
	kafkatest.Eventually(t, "all events are listed", func() bool {
		all, err := journey.Newest(t.Context(), bank, 10)
		return err == nil && len(all) == len(keys)+1
	})
	few, err := journey.Newest(t.Context(), shop, 2)
	if err != nil || len(few) != 2 || few[0].Ref != (journey.Ref{Topic: topic, Key: "a", Version: 2}) {
		t.Errorf("the newest events are %+v, %v", few, err)
	}
}

// What a service knows of the way of events does not grow without an end.
func TestOldEventsAreForgotten(t *testing.T) {
	t.Parallel()
	pool := database(t)
	if _, err := pool.Exec(t.Context(), `
		INSERT INTO outbox_sent (topic, shard, first_offset, seqs, first_seq, last_seq, sent_at)
			SELECT 't', 0, n, ARRAY[n], n, n, now() - (6001 - n) * interval '1 minute' FROM generate_series(1, 6000) n;
		INSERT INTO consumer_event (topic, topic_id, part, "offset", key, version, event_id, type, outcome, received_at, settled_at)
			SELECT 't', gen_random_uuid(), 0, n, 'k', n, 'e', 't', 'applied', now(), now() - (6001 - n) * interval '1 minute' FROM generate_series(1, 6000) n`); err != nil {
		t.Fatal(err)
	}
	count := func() (sent, consumed int) {
		if err := pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM outbox_sent), (SELECT count(*) FROM consumer_event)`).Scan(&sent, &consumed); err != nil {
			t.Fatal(err)
		}
		return sent, consumed
	}
	if err := journey.Forget(t.Context(), pool, 0); err != nil {
		t.Fatal(err)
	}
	if sent, consumed := count(); sent != 6000 || consumed != 6000 {
		t.Errorf("without a limit, %d and %d are kept", sent, consumed)
	}
	if err := journey.Forget(t.Context(), pool, 100*time.Minute+30*time.Second); err != nil {
		t.Fatal(err)
	}
	if sent, consumed := count(); sent != 100 || consumed != 100 {
		t.Errorf("of the last 100 minutes there are %d and %d", sent, consumed)
	}
}
