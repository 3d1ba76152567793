package request

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// SentMetrics are the metrics of the requests that this service sends. It implements prometheus.Collector.
type SentMetrics struct {
	pool            *pgxpool.Pool
	topics          []string
	outcomes        *prometheus.CounterVec
	waited          *prometheus.HistogramVec
	pending, oldest *prometheus.Desc
}

// NewSentMetrics returns the metrics of requests in these topics. Their names begin with the namespace, if there is one, and
// "request".
func NewSentMetrics(pool *pgxpool.Pool, namespace string, topics ...string) *SentMetrics {
	name := func(name string) string { return prometheus.BuildFQName(namespace, "request", name) }
	topic := []string{"topic"}
	return &SentMetrics{
		pool: pool, topics: topics,
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("outcomes_total"),
			Help: "Requests that an outcome has finished."}, []string{"topic", "outcome"}),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name("outcome_seconds"),
			Help:    "From the sending of a request to its outcome.",
			Buckets: prometheus.ExponentialBuckets(0.002, 2, 20)}, topic),
		pending: prometheus.NewDesc(name("pending"), "Requests without an outcome, over all instances.", topic, nil),
		oldest: prometheus.NewDesc(name("oldest_pending_seconds"),
			"Age of the oldest request without an outcome; 0 when there is none.", topic, nil),
	}
}

// Count counts requests that Finish has returned. Call it after the commit.
func (m *SentMetrics) Count(finished []Finished) {
	for _, f := range finished {
		m.outcomes.WithLabelValues(f.Topic, string(f.Kind)).Inc()
		m.waited.WithLabelValues(f.Topic).Observe(f.Waited.Seconds())
	}
}

// Describe implements prometheus.Collector.
func (m *SentMetrics) Describe(out chan<- *prometheus.Desc) {
	m.outcomes.Describe(out)
	m.waited.Describe(out)
	out <- m.pending
	out <- m.oldest
}

// Collect implements prometheus.Collector. It leaves out what it cannot read while the database is away.
func (m *SentMetrics) Collect(out chan<- prometheus.Metric) {
	m.outcomes.Collect(out)
	m.waited.Collect(out)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // a scrape must not wait longer
	defer cancel()
	rows, err := messagingdb.New(m.pool).CountPendingRequests(ctx)
	if err != nil {
		return
	}
	pending, age := map[string]int64{}, map[string]time.Duration{}
	for _, row := range rows {
		pending[row.Topic], age[row.Topic] = row.Pending, max(time.Since(row.Oldest), 0)
	}
	for _, topic := range m.topics {
		out <- prometheus.MustNewConstMetric(m.pending, prometheus.GaugeValue, float64(pending[topic]), topic)
		out <- prometheus.MustNewConstMetric(m.oldest, prometheus.GaugeValue, age[topic].Seconds(), topic)
	}
}
