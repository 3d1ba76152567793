package consumer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// ofType returns an event of a thing with another type.
func ofType(key string, version int64, typ string) broker.Record {
	r := named(key, version)
	r.Value = []byte(strings.Replace(string(r.Value), "test.thing.changed.v1", typ, 1))
	return r
}

// knowsOne makes the handler know only the type of named, and fail the first calls.
func knowsOne(fails int) func(*consumer.Config[*tx]) {
	return func(c *consumer.Config[*tx]) {
		inner := c.Topics[topic]
		c.Topics = map[string]consumer.Handler[*tx]{topic: func(ctx context.Context, t *tx, events []consumer.Event) error {
			var known []consumer.Event
			for _, e := range events {
				if e.Type != "test.thing.changed.v1" {
					e.UnknownType()
					continue
				}
				known = append(known, e)
			}
			if fails > 0 {
				fails--
				return errUnknown
			}
			return inner(ctx, t, known)
		}}
	}
}

func TestUnknownTypesAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t, knowsOne(1))
	b.seed(0)
	batch := log(0, named("a", 1), ofType("a", 2, "test.thing.changed.v2"), ofType("b", 1, "test.thing.changed.v2"), ofType("c", 1, "eaten"))
	if err := b.Handle(t.Context(), tp, 0, broker.At(4), batch); err == nil {
		t.Fatal("the first try did not fail")
	}
	if err := b.Handle(t.Context(), tp, 0, broker.At(4), batch); err != nil {
		t.Fatal(err)
	}
	err := testutil.CollectAndCompare(b, strings.NewReader(`
# HELP consumer_unknown_types_total Events that the handler ignored because it does not know their type.
# TYPE consumer_unknown_types_total counter
consumer_unknown_types_total{topic="test.thing.v1",type="eaten"} 1
consumer_unknown_types_total{topic="test.thing.v1",type="test.thing.changed.v2"} 2
`), "consumer_unknown_types_total")
	if err != nil {
		t.Error(err)
	}
	b.wantChanges("a1")
	b.wantPosition(4)
}

// Anyone who writes to the topic chooses the types. They must not become any number of time series.
func TestUnknownTypesAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, knowsOne(0))
	b.seed(0)
	records := []broker.Record{ofType("a", 1, strings.Repeat("long", 50))}
	for n := range 50 {
		records = append(records, ofType("a", 1, fmt.Sprintf("type-%d", n)))
	}
	b.handle(0, records...)
	if n := testutil.CollectAndCount(b, "consumer_unknown_types_total"); n != 21 {
		t.Errorf("%d time series, want 20 and one for all other types", n)
	}
}
