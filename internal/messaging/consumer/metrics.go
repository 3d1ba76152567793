package consumer

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// scrapeTimeout bounds the database query of a scrape.
const scrapeTimeout = time.Second

const subsystem = "consumer"

type metrics struct {
	events, deadLetters, retries, unknownTypes *prometheus.CounterVec
	applyDuration, eventAge                    *prometheus.HistogramVec
	openDeadLetters, openConflicts, lag, held  *prometheus.Desc

	unknown unknownTypes
}

// newMetrics returns the metrics. Their names begin with the namespace, if there is one, and the subsystem.
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
		events:      counter("events_applied_total", "Events applied, including those that changed nothing.", "topic"),
		deadLetters: counter("dead_letters_total", "Events that became dead letters.", "topic", "code"),
		retries:     counter("retries_total", "Batches that failed and wait for another try.", "topic"),
		unknownTypes: counter("unknown_types_total", "Events that the handler ignored because it does not know their type.",
			"topic", "type"),
		applyDuration: histogram("apply_seconds", "Time to apply one batch.",
			prometheus.ExponentialBuckets(0.0005, 2, 14)),
		eventAge: histogram("event_age_seconds", "Time from the event to the commit of its effects.",
			prometheus.ExponentialBuckets(0.001, 2, 20)),
		openDeadLetters: gauge("dead_letters_open", "Open dead letters.", "topic"),
		openConflicts:   gauge("copy_conflicts_open", "Copies that differ from the last event of their version.", "topic"),
		lag:             gauge("lag", "Records between the partition's position and the end of its log.", "topic", "partition"),
		held:            gauge("held", "1 if the partition waits for another try or for an operator, otherwise 0.", "topic", "partition"),
	}
}

func (m *metrics) countApplied(e Event, now time.Time) {
	m.events.WithLabelValues(e.Topic).Inc()
	if !e.Purge {
		m.eventAge.WithLabelValues(e.Topic).Observe(max(now.Sub(e.Time), 0).Seconds())
	}
}

func (m *metrics) countDeadLetter(topic, code string) {
	m.deadLetters.WithLabelValues(topic, code).Inc()
}

func (m *metrics) countRetry(topic string) { m.retries.WithLabelValues(topic).Inc() }

func (m *metrics) observeApply(topic string, d time.Duration) {
	m.applyDuration.WithLabelValues(topic).Observe(d.Seconds())
}

func (m *metrics) vectors() []prometheus.Collector {
	return []prometheus.Collector{m.events, m.deadLetters, m.retries, m.unknownTypes, m.applyDuration, m.eventAge}
}

// Collectors returns the collectors to register.
func (c *Consumer[T]) Collectors() []prometheus.Collector { return []prometheus.Collector{c} }

// Describe implements prometheus.Collector.
func (c *Consumer[T]) Describe(out chan<- *prometheus.Desc) {
	for _, v := range c.metrics.vectors() {
		v.Describe(out)
	}
	out <- c.metrics.openDeadLetters
	out <- c.metrics.openConflicts
	out <- c.metrics.lag
	out <- c.metrics.held
}

// Collect implements prometheus.Collector. It leaves out what it counts in the database while that is away.
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
	c.collectOpen(gauge)
}

// collectOpen collects what is counted in the database, by topic.
func (c *Consumer[T]) collectOpen(gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	q := messagingdb.New(c.pool)
	letters, err := q.CountOpenDeadLetters(ctx)
	if err != nil {
		return
	}
	conflicts, err := q.CountConflicts(ctx)
	if err != nil {
		return
	}
	openLetters, openConflicts := map[string]int64{}, map[string]int64{}
	for topic := range c.cfg.Topics {
		openLetters[topic], openConflicts[topic] = 0, 0
	}
	for _, row := range letters {
		openLetters[row.Topic] = row.Open
	}
	for _, row := range conflicts {
		openConflicts[row.Topic] += row.Open
	}
	for topic, n := range openLetters {
		gauge(c.metrics.openDeadLetters, float64(n), topic)
	}
	for topic, n := range openConflicts {
		gauge(c.metrics.openConflicts, float64(n), topic)
	}
}
