package request_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestOwnerMetrics(t *testing.T) {
	t.Parallel()
	b := setup(t)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(b.owner)
	check := func(want string, names ...string) {
		t.Helper()
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), names...); err != nil {
			t.Error(err)
		}
	}
	const waiting = `
# HELP test_request_oldest_parked_seconds Age of the oldest parked request; 0 if there is none.
# TYPE test_request_oldest_parked_seconds gauge
test_request_oldest_parked_seconds{topic="test.shelf-request.v1"} AGE
# HELP test_request_parked Requests that wait for a version of the copy of their key's aggregate.
# TYPE test_request_parked gauge
test_request_parked{topic="test.shelf-request.v1"} COUNT
`
	parked := func(count, age string) {
		t.Helper()
		check(strings.NewReplacer("COUNT", count, "AGE", age).Replace(waiting), "test_request_parked", "test_request_oldest_parked_seconds")
	}
	parked("0", "0")
	b.get(put("a", 1, "pen"), put("a", 2, "pen"), put("a", 3, "pad").needing(2))
	b.clock.Store(5)
	b.get(put("a", 4, "ink"))
	b.clock.Store(7)
	parked("2", "7")
	check(`
# HELP test_request_decided_total Outcomes of requests, by kind. A transaction that is rolled back and repeated counts again.
# TYPE test_request_decided_total counter
test_request_decided_total{outcome="accepted",topic="test.shelf-request.v1"} 1
test_request_decided_total{outcome="refused",topic="test.shelf-request.v1"} 1
`, "test_request_decided_total")
}
