package consumer

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// scrapeTimeout bounds what a scrape may ask of the database.
const scrapeTimeout = time.Second

const subsystem = "consumer" // of the metrics' names

type metrics struct {
	events, letters, retries *prometheus.CounterVec
	duration, age            *prometheus.HistogramVec
	open, lag, held          *prometheus.Desc
}

// newMetrics returns the metrics, all below the namespace and the subsystem "consumer".
func newMetrics(namespace string) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: name, Help: help,
		}, labels)
	}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: name, Help: help, Buckets: buckets,
		}, []string{"topic"})
	}
	gauge := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, name), help, labels, nil)
	}
	return &metrics{
		events:  counter("events_applied_total", "Events applied, those that changed nothing included.", "topic"),
		letters: counter("dead_letters_total", "Events that became dead letters.", "topic", "code"),
		retries: counter("retries_total", "Batches that waited for another try.", "topic"),
		duration: histogram("apply_seconds", "Time to apply one batch.",
			prometheus.ExponentialBuckets(0.0005, 2, 14)),
		age: histogram("event_age_seconds", "From an event's time to its effects' commit.",
			prometheus.ExponentialBuckets(0.001, 2, 20)),
		open: gauge("dead_letters_open", "Dead letters that wait for a person.", "topic"),
		lag:  gauge("lag", "Records between a partition's position and its log's end.", "topic", "partition"),
		held: gauge("held", "1 where a partition waits for another try or for a person.", "topic", "partition"),
	}
}

func (m *metrics) appliedEvent(e Event, now time.Time) {
	m.events.WithLabelValues(e.Topic).Inc()
	if !e.Purge {
		m.age.WithLabelValues(e.Topic).Observe(max(now.Sub(e.Time), 0).Seconds())
	}
}

func (m *metrics) letter(topic, code string) { m.letters.WithLabelValues(topic, code).Inc() }

func (m *metrics) retry(topic string) { m.retries.WithLabelValues(topic).Inc() }

func (m *metrics) applyTime(topic string, d time.Duration) {
	m.duration.WithLabelValues(topic).Observe(d.Seconds())
}

func (m *metrics) vectors() []prometheus.Collector {
	return []prometheus.Collector{m.events, m.letters, m.retries, m.duration, m.age}
}

// Collectors returns what the caller is to register.
func (c *Consumer[T]) Collectors() []prometheus.Collector { return []prometheus.Collector{c} }

// Describe implements prometheus.Collector.
func (c *Consumer[T]) Describe(out chan<- *prometheus.Desc) {
	for _, v := range c.metrics.vectors() {
		v.Describe(out)
	}
	out <- c.metrics.open
	out <- c.metrics.lag
	out <- c.metrics.held
}

// Collect implements prometheus.Collector. Open dead letters are missing while the database is away.
func (c *Consumer[T]) Collect(out chan<- prometheus.Metric) {
	for _, v := range c.metrics.vectors() {
		v.Collect(out)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, p := range c.State().Partitions {
		number := strconv.Itoa(p.Partition)
		if p.Lag >= 0 {
			gauge(c.metrics.lag, float64(p.Lag), p.Topic, number)
		}
		held := 0.0
		if p.Held != "" || p.Halted != "" {
			held = 1
		}
		gauge(c.metrics.held, held, p.Topic, number)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	open, err := messagingdb.New(c.pool).CountOpenDeadLetters(ctx)
	if err != nil {
		return
	}
	counts := make(map[string]int64, len(c.cfg.Topics))
	for topic := range c.cfg.Topics {
		counts[topic] = 0
	}
	for _, row := range open {
		counts[row.Topic] = row.Open
	}
	for topic, n := range counts {
		gauge(c.metrics.open, float64(n), topic)
	}
}
