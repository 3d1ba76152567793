//go:build !realkafka

package outbox

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetricsNamespace(t *testing.T) {
	t.Parallel()
	for namespace, want := range map[string]string{"": "outbox_pending", "shop": "shop_outbox_pending"} {
		registry := prometheus.NewPedanticRegistry()
		relay := &Relay{metrics: newMetrics(namespace)}
		registry.MustRegister(relay.Collectors()...)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range families {
			names = append(names, f.GetName())
		}
		if !slices.Contains(names, want) {
			t.Errorf("with the namespace %q: metrics %v, want %s", namespace, names, want)
		}
		if faults, err := testutil.GatherAndLint(registry); err != nil || len(faults) > 0 {
			t.Errorf("faults %v, %v", faults, err)
		}
	}
}
