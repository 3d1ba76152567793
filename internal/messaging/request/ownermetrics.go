package request

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// scrapeTimeout bounds the database query of a scrape.
const scrapeTimeout = time.Second

const subsystem = "request"

type ownerMetrics struct {
	decided        *prometheus.CounterVec
	parked, oldest *prometheus.Desc
}

func newOwnerMetrics(namespace, topic string) *ownerMetrics {
	labels := prometheus.Labels{"topic": topic}
	gauge := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, name), help, nil, labels)
	}
	return &ownerMetrics{
		decided: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "decided_total", ConstLabels: labels,
			Help: "Outcomes of requests, by kind. A transaction that is rolled back and repeated counts again.",
		}, []string{"outcome"}),
		parked: gauge("parked", "Requests that wait for a version of the copy of their key's aggregate."),
		oldest: gauge("oldest_parked_seconds", "Age of the oldest parked request; 0 if there is none."),
	}
}

func (m *ownerMetrics) countDecided(kind Kind) { m.decided.WithLabelValues(string(kind)).Inc() }

// Describe implements prometheus.Collector.
func (o *Owner[T, R]) Describe(out chan<- *prometheus.Desc) {
	o.metrics.decided.Describe(out)
	out <- o.metrics.parked
	out <- o.metrics.oldest
}

// Collect implements prometheus.Collector. It leaves out the parked requests while the database is away.
func (o *Owner[T, R]) Collect(out chan<- prometheus.Metric) {
	o.metrics.decided.Collect(out)
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	row, err := messagingdb.New(o.pool).CountParked(ctx, o.cfg.Topic)
	if err != nil {
		return
	}
	age := 0.0
	if row.Parked > 0 {
		age = max(o.cfg.Now().Sub(row.Oldest), 0).Seconds()
	}
	out <- prometheus.MustNewConstMetric(o.metrics.parked, prometheus.GaugeValue, float64(row.Parked))
	out <- prometheus.MustNewConstMetric(o.metrics.oldest, prometheus.GaugeValue, age)
}
