package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the metrics of several pools: their sizes, the calls that wait for a connection, and how long they have waited.
type Metrics struct {
	waiting *prometheus.GaugeVec
	waited  *prometheus.HistogramVec
	most    *prometheus.Desc
	open    *prometheus.Desc

	mu    sync.Mutex
	pools map[string]*Pool
}

// NewMetrics returns the metrics of no pool. Give them to Open in Config.
func NewMetrics() *Metrics {
	return &Metrics{
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "database_pool_waiters", Help: "Calls that wait for a connection of a pool."}, []string{"pool"}),
		waited: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "database_pool_wait_seconds", Help: "Time until a call got a connection of a pool, or gave up.",
			Buckets: []float64{.0001, .001, .01, .1, .25, .5, 1, 2.5}}, []string{"pool"}),
		most:  prometheus.NewDesc("database_pool_max_connections", "Maximum number of connections of a pool.", []string{"pool"}, nil),
		open:  prometheus.NewDesc("database_pool_connections", "Open connections of a pool, in use or idle.", []string{"pool", "state"}, nil),
		pools: map[string]*Pool{},
	}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	m.waiting.Describe(ch)
	m.waited.Describe(ch)
	ch <- m.most
	ch <- m.open
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.waiting.Collect(ch)
	m.waited.Collect(ch)
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, pool := range m.pools {
		stat := pool.Stat()
		ch <- prometheus.MustNewConstMetric(m.most, prometheus.GaugeValue, float64(stat.MaxConns()), name)
		ch <- prometheus.MustNewConstMetric(m.open, prometheus.GaugeValue, float64(stat.AcquiredConns()), name, "in_use")
		ch <- prometheus.MustNewConstMetric(m.open, prometheus.GaugeValue, float64(stat.IdleConns()), name, "idle")
	}
}

func (m *Metrics) add(name string, pool *Pool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pools[name] = pool
}

// meter measures and bounds how long the calls of one pool wait for a connection. It has the form of a tracer, because the
// driver passes on the context that TraceAcquireStart returns.
type meter struct {
	wait    time.Duration // 0 is without a bound
	waiting prometheus.Gauge
	waited  prometheus.Observer
}

var (
	_ pgx.QueryTracer       = meter{}
	_ pgxpool.AcquireTracer = meter{}
)

// newMeter returns the meter of a pool, or nil if nothing has to be measured or bounded.
func newMeter(cfg Config) pgx.QueryTracer {
	if cfg.Metrics == nil && cfg.Wait == 0 {
		return nil
	}
	m := meter{wait: cfg.Wait}
	if cfg.Metrics != nil {
		m.waiting, m.waited = cfg.Metrics.waiting.WithLabelValues(cfg.Name), cfg.Metrics.waited.WithLabelValues(cfg.Name)
	}
	return m
}

// acquire is one call that waits for a connection.
type acquire struct {
	began  time.Time
	cancel context.CancelFunc
}

type acquireKey struct{}

// TraceAcquireStart implements pgxpool.AcquireTracer.
func (m meter) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	if m.waiting != nil {
		m.waiting.Inc()
	}
	a := acquire{began: time.Now(), cancel: func() {}}
	if m.wait > 0 {
		ctx, a.cancel = context.WithTimeout(ctx, m.wait)
	}
	return context.WithValue(ctx, acquireKey{}, a)
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (m meter) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireEndData) {
	a, _ := ctx.Value(acquireKey{}).(acquire)
	a.cancel()
	if m.waiting != nil {
		m.waiting.Dec()
		m.waited.Observe(time.Since(a.began).Seconds())
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (meter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (meter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
