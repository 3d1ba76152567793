package consumer_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	b.handle(0, named("a", 1), failing("b", 1, "poison"), raw("c", "?"), purge("a"))
	if err := b.Handle(t.Context(), tp, 4, 5, log(4, failing("a", 2, "unknown"))); err == nil {
		t.Fatal("no error")
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(b)
	err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP monsplit_consumer_dead_letters_open Dead letters that wait for a person.
# TYPE monsplit_consumer_dead_letters_open gauge
monsplit_consumer_dead_letters_open{topic="test.thing.v1"} 2
# HELP monsplit_consumer_dead_letters_total Events that became dead letters.
# TYPE monsplit_consumer_dead_letters_total counter
monsplit_consumer_dead_letters_total{code="poison",topic="test.thing.v1"} 1
monsplit_consumer_dead_letters_total{code="undecodable",topic="test.thing.v1"} 1
# HELP monsplit_consumer_events_applied_total Events applied, those that changed nothing included.
# TYPE monsplit_consumer_events_applied_total counter
monsplit_consumer_events_applied_total{topic="test.thing.v1"} 2
# HELP monsplit_consumer_held 1 where a partition waits for another try or for a person.
# TYPE monsplit_consumer_held gauge
monsplit_consumer_held{partition="3",topic="test.thing.v1"} 1
# HELP monsplit_consumer_retries_total Batches that waited for another try.
# TYPE monsplit_consumer_retries_total counter
monsplit_consumer_retries_total{topic="test.thing.v1"} 1
`), "monsplit_consumer_events_applied_total", "monsplit_consumer_dead_letters_total", "monsplit_consumer_dead_letters_open",
		"monsplit_consumer_retries_total", "monsplit_consumer_held")
	if err != nil {
		t.Error(err)
	}
	for name, want := range map[string]int{"monsplit_consumer_event_age_seconds": 1, "monsplit_consumer_apply_seconds": 1} {
		if n, err := testutil.GatherAndCount(registry, name); n != want || err != nil {
			t.Errorf("%s: %d series, error %v", name, n, err)
		}
	}
}
