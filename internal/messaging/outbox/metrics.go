package outbox

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the metrics of one relay. The caller registers them (Relay.Collectors).
type metrics struct {
	published   *prometheus.CounterVec
	failures    *prometheus.CounterVec
	stage       *prometheus.HistogramVec
	inOutbox    prometheus.Histogram
	shards      prometheus.Gauge
	pending     prometheus.Gauge
	room        prometheus.Gauge
	oldest      prometheus.Gauge
	blockedKeys prometheus.Gauge
	halted      *prometheus.GaugeVec
	standstill  *prometheus.GaugeVec
	standing    []StandstillCode // that standstill shows; nil before it shows anything
}

// newMetrics makes metrics whose names begin with the namespace and "outbox". An empty namespace is left out.
func newMetrics(namespace string) *metrics {
	name := func(name string) string { return prometheus.BuildFQName(namespace, "outbox", name) }
	return &metrics{
		published: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("published_total"),
			Help: "Events that the broker has acknowledged."}, []string{"topic"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("produce_failures_total"),
			Help: "Batches that a try did not get acknowledged, by what follows from it."}, []string{"topic", "verdict"}),
		stage: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name("stage_seconds"),
			Help:    "Duration of one claim, produce request, mark or lease pass.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}, []string{"stage"}),
		inOutbox: prometheus.NewHistogram(prometheus.HistogramOpts{Name: name("time_in_outbox_seconds"),
			Help:    "From an event's append, inside its transaction, to the broker's acknowledgement.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 18)}),
		shards: prometheus.NewGauge(prometheus.GaugeOpts{Name: name("shards_held"),
			Help: "Shards that this instance publishes."}),
		pending: prometheus.NewGauge(prometheus.GaugeOpts{Name: name("pending"),
			Help: "Events appended and not yet marked sent, over all instances; at most 100,000 are counted."}),
		room: prometheus.NewGauge(prometheus.GaugeOpts{Name: name("room"),
			Help: "How many more events fit into the partitions that exist. Maintenance makes new ones; at 0, changes are refused."}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{Name: name("oldest_pending_seconds"),
			Help: "Age of the oldest event that is not yet marked sent; 0 when there is none."}),
		blockedKeys: prometheus.NewGauge(prometheus.GaugeOpts{Name: name("blocked_aggregates"),
			Help: "Aggregates that back off because the broker refused their event."}),
		halted: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name("halted"),
			Help: "1 while this instance does not publish a shard, or any, until an operator has solved the problem."}, []string{"code"}),
		standstill: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name("standstill"),
			Help: "1 while events of this instance, or of the whole outbox, do not move, by the reason."}, []string{"code"}),
	}
}

func (m *metrics) setStandstills(list []Standstill) {
	now := make([]StandstillCode, len(list))
	for i, s := range list {
		now[i] = s.Code
	}
	if m.standing != nil && slices.Equal(now, m.standing) {
		return
	}
	m.standing = now
	for _, code := range StandstillCodes() {
		stands := 0.0
		if slices.Contains(now, code) {
			stands = 1
		}
		m.standstill.WithLabelValues(string(code)).Set(stands)
	}
}

func (m *metrics) setHalted(halts []Halt) {
	for _, code := range HaltCodes() {
		halted := 0.0
		if slices.ContainsFunc(halts, func(h Halt) bool { return h.Code == code }) {
			halted = 1
		}
		m.halted.WithLabelValues(string(code)).Set(halted)
	}
}

// Collectors returns the relay's metrics, for the caller to register.
func (r *Relay) Collectors() []prometheus.Collector {
	m := r.metrics
	return []prometheus.Collector{m.published, m.failures, m.stage, m.inOutbox, m.shards, m.pending, m.room, m.oldest, m.blockedKeys, m.halted, m.standstill}
}
