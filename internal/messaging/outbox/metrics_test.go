//go:build !realkafka

package outbox

import (
	"slices"
	"strconv"
	"strings"
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

// TestHaltedMetric: a code is 1 while a shard, or all of them, are halted for it.
func TestHaltedMetric(t *testing.T) {
	t.Parallel()
	m := newMetrics("")
	value := func(code HaltCode) float64 { return testutil.ToFloat64(m.halted.WithLabelValues(string(code))) }
	m.setHalted([]Halt{{Code: HistoriesParted, Shards: []string{"topic-3"}}, {Code: TopicsUnfit}})
	if n := testutil.CollectAndCount(m.halted); n != len(HaltCodes()) {
		t.Errorf("%d codes are shown, want all %d", n, len(HaltCodes()))
	}
	if value(HistoriesParted) != 1 || value(TopicsUnfit) != 1 || value(LogTruncated) != 0 {
		t.Error("the metric does not show what is halted")
	}
	m.setHalted(nil)
	if value(HistoriesParted) != 0 {
		t.Error("the metric shows a halt that has ended")
	}
}

// TestHaltsTellWhatToDo: each code has its own text.
func TestHaltsTellWhatToDo(t *testing.T) {
	t.Parallel()
	var list haltList
	for shard, code := range HaltCodes() {
		list.add(Halt{Code: code, Reason: "something is wrong"}, strconv.Itoa(shard))
	}
	list.add(Halt{Code: HistoriesParted, Reason: "something is wrong"}, "11")
	if len(list) != len(HaltCodes()) {
		t.Errorf("%d entries, want one for each code", len(list))
	}
	for i, h := range list {
		if text := h.String(); !strings.HasPrefix(text, string(h.Code)+": something is wrong. ") || h.Shards[0] != strconv.Itoa(i) ||
			!strings.HasSuffix(text, "See docs/operations.md, section "+string(h.Code)+".") || h.Code.NextStep() == "" {
			t.Errorf("%q, shards %v", text, h.Shards)
		}
	}
}
