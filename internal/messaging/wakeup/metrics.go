package wakeup

import "github.com/prometheus/client_golang/prometheus"

const subsystem = "wakeup"

type metrics struct {
	waiting                    prometheus.GaugeFunc
	looks, arms, notifications prometheus.Counter
}

// newMetrics returns the metrics. Their names begin with the namespace, if there is one, and the subsystem.
func newMetrics(namespace string, waiting func() int) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help})
	}
	return &metrics{
		waiting: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "waiting", Help: "Callers that wait for a version.",
		}, func() float64 { return float64(waiting()) }),
		looks:         counter("looks_total", "Queries that look for what callers wait for."),
		arms:          counter("arms_total", "Times that the next change was asked to notify."),
		notifications: counter("notifications_total", "Notifications of changes."),
	}
}

// Collectors returns the collectors to register.
func (w *Waiters) Collectors() []prometheus.Collector {
	m := w.metrics
	return []prometheus.Collector{m.waiting, m.looks, m.arms, m.notifications}
}
