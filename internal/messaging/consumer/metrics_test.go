package consumer_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *consumer.Config[*tx]) { c.MetricsNamespace = "shop" })
	b.seed(0)
	b.handle(0, named("a", 1), failing("b", 1, "poison"), raw("c", "?"), purge("a"))
	if err := b.Handle(t.Context(), tp, 4, broker.At(5), log(4, failing("a", 2, "unknown"))); err == nil {
		t.Fatal("no error")
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(b)
	err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP shop_consumer_dead_letters_open Open dead letters.
# TYPE shop_consumer_dead_letters_open gauge
shop_consumer_dead_letters_open{topic="test.thing.v1"} 2
# HELP shop_consumer_dead_letters_total Events that became dead letters.
# TYPE shop_consumer_dead_letters_total counter
shop_consumer_dead_letters_total{code="poison",topic="test.thing.v1"} 1
shop_consumer_dead_letters_total{code="undecodable",topic="test.thing.v1"} 1
# HELP shop_consumer_events_applied_total Events applied, including those that changed nothing.
# TYPE shop_consumer_events_applied_total counter
shop_consumer_events_applied_total{topic="test.thing.v1"} 2
# HELP shop_consumer_held 1 if the partition waits for another try or for an operator, otherwise 0.
# TYPE shop_consumer_held gauge
shop_consumer_held{partition="3",topic="test.thing.v1"} 1
# HELP shop_consumer_retries_total Batches that failed and wait for another try.
# TYPE shop_consumer_retries_total counter
shop_consumer_retries_total{topic="test.thing.v1"} 1
`), "shop_consumer_events_applied_total", "shop_consumer_dead_letters_total", "shop_consumer_dead_letters_open",
		"shop_consumer_retries_total", "shop_consumer_held")
	if err != nil {
		t.Error(err)
	}
	for name, want := range map[string]int{"shop_consumer_event_age_seconds": 1, "shop_consumer_apply_seconds": 1} {
		if n, err := testutil.GatherAndCount(registry, name); n != want || err != nil {
			t.Errorf("%s: %d series, error %v", name, n, err)
		}
	}
}
