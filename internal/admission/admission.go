// Package admission knows the classes of requests, and how many requests of each class a service works on at the same time. A
// request beyond the limit of its class is refused at once, so that one kind of request cannot use up what the others need.
package admission

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/apperr"
)

// Class is a kind of request. The requests of a class share a limit and the connections of a pool.
type Class string

// The classes.
const (
	Read  Class = "read"  // reads one thing by its key
	List  Class = "list"  // reads a list, or searches
	Write Class = "write" // changes something
)

// Classes returns all classes.
func Classes() []Class { return []Class{Read, List, Write} }

// The limits that hold without a setting.
const (
	defaultReads  = 256
	defaultLists  = 64
	defaultWrites = 128
	defaultWaits  = 1000
	defaultSlow   = 256
)

// Settings are the limits, as a part of a service's configuration. The tags are explained in internal/config.
type Settings struct {
	Reads  int `env:"HTTP_MAX_READS" envDefault:"256" about:"how many reads by key an instance works on at the same time; more are answered with 503"`
	Lists  int `env:"HTTP_MAX_LISTS" envDefault:"64" about:"how many lists and searches an instance works on at the same time; more are answered with 503. A list that waits for its client does not count. A streamed list needs a place again for its next part: a sixteenth of this number is for such parts alone"`
	Slow   int `env:"HTTP_MAX_SLOW_READERS" envDefault:"256" about:"how many answers may wait for slow clients at the same time. When one more has to wait, the answer that has waited longest is cut off. It bounds the memory of streamed lists"`
	Writes int `env:"HTTP_MAX_WRITES" envDefault:"128" about:"how many changes an instance works on at the same time; more are answered with 503"`
	Waits  int `env:"HTTP_MAX_WAITS" envDefault:"1000" about:"how many requests may wait for a change at the same time, as in \"Prefer: wait=5\". They do not count for the other limits. Further requests are answered without a wait"`
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (s Settings) Validate(must func(ok bool, variable, detail string, args ...any)) {
	atLeastOne := func(variable string, limit int) {
		must(limit >= 1, variable, "is %d, but must be 1 or more", limit)
	}
	atLeastOne("HTTP_MAX_READS", s.Reads)
	atLeastOne("HTTP_MAX_LISTS", s.Lists)
	atLeastOne("HTTP_MAX_SLOW_READERS", s.Slow)
	atLeastOne("HTTP_MAX_WRITES", s.Writes)
	atLeastOne("HTTP_MAX_WAITS", s.Waits)
}

// The codes of refusals. Each is the name of a problem, too.
const (
	codeOverloaded = "overloaded"
	codeLocked     = "locked"
)

// Overloaded returns the error of a request that the service does not work on now, because it works on too many others.
func Overloaded(detail string) *apperr.Error {
	return apperr.Coded(apperr.Unavailable, codeOverloaded, detail)
}

// Locked returns the error of a request that needs what another transaction has locked.
func Locked() *apperr.Error {
	return apperr.Coded(apperr.Unavailable, codeLocked, "Other changes of the same entity are in progress. Nothing was changed. Try again in a moment.")
}

// Gate admits requests. It is a collector of metrics, too.
type Gate struct {
	limits   map[Class]int
	waits    int
	inFlight *prometheus.GaugeVec
	waiting  prometheus.Gauge
	slow     prometheus.Gauge
	refused  *prometheus.CounterVec

	entities queues
	sendings sendings
	parts    chan struct{} // has the requests that work on a later part of their answer
	queue    chan struct{} // has the requests that wait for a place in parts

	large      chan struct{} // has the requests whose large bodies are checked
	largeQueue chan struct{} // has the requests that wait for that

	mu      sync.Mutex
	taken   map[Class]int
	waiters int
}

// New returns a gate. A limit of zero is the default. The zero value of Entities is without a bound.
func New(s Settings, entities Entities) *Gate {
	g := &Gate{
		entities: queues{Entities: entities, byEntity: map[string]*queue{}},
		limits:   map[Class]int{Read: cmp.Or(s.Reads, defaultReads), List: cmp.Or(s.Lists, defaultLists), Write: cmp.Or(s.Writes, defaultWrites)},
		waits:    cmp.Or(s.Waits, defaultWaits), taken: map[Class]int{},
		sendings: sendings{limit: cmp.Or(s.Slow, defaultSlow)},
		parts:    make(chan struct{}, partsOf(cmp.Or(s.Lists, defaultLists))), queue: make(chan struct{}, cmp.Or(s.Slow, defaultSlow)),
		large: make(chan struct{}, largeAtOnce()), largeQueue: make(chan struct{}, mostLarge),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "http_admitted_requests",
			Help: "Requests of a class that the service works on. Requests that wait for a change or for their client do not count."}, []string{"class"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_waiting_requests", Help: "Requests that wait for a change."}),
		slow:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "http_sending_requests", Help: "Requests whose answer waits for its client."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_refused_requests_total",
			Help: "Requests of a class that were refused: because of the limit of the class (in_flight), because no connection to the database became free in time (connection), because of a lock or too many changes of one entity (lock), because too many requests waited for a change (wait), which are answered without a wait, or because too many answers waited for slow clients (stream), which are cut off."},
			[]string{"class", "reason"}),
	}
	g.sendings.count = func(waiting int) { g.slow.Set(float64(waiting)) }
	g.sendings.onCut = func(class Class) { g.refuse(class, "stream") }
	for _, class := range Classes() { // so that a series begins with 0
		g.inFlight.WithLabelValues(string(class))
		for _, reason := range []string{"in_flight", "connection", "lock", "wait", "stream"} {
			g.refused.WithLabelValues(string(class), reason)
		}
	}
	return g
}

// Describe implements prometheus.Collector.
func (g *Gate) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(g, ch) }

// Collect implements prometheus.Collector.
func (g *Gate) Collect(ch chan<- prometheus.Metric) {
	g.inFlight.Collect(ch)
	g.waiting.Collect(ch)
	g.slow.Collect(ch)
	g.refused.Collect(ch)
}

// place is what one admitted request takes. Only the goroutine of the request uses it.
type place struct {
	gate  *Gate
	class Class
	quit  func() // gives up the place among the changes of the entity; may be called again
	back  func() // gives the place back; nil if the request has none now
}

// giveUp gives back everything that the request holds.
func (p *place) giveUp() {
	p.quit()
	if p.back != nil {
		p.back()
		p.back = nil
	}
}

type placeKey struct{}

// Of returns the class of the request that ctx belongs to, or "" if no request was admitted.
func Of(ctx context.Context) Class {
	if p := placeOf(ctx); p != nil {
		return p.class
	}
	return ""
}

func placeOf(ctx context.Context) *place {
	p, _ := ctx.Value(placeKey{}).(*place)
	return p
}

// Enter admits a request, or returns the error that refuses it. The request uses the returned context. When it has ended, it calls
// leave with its error. Until then it keeps its place, also if its client has gone away, because it still works. entity names what
// a change changes, or is "".
func (g *Gate) Enter(ctx context.Context, class Class, entity string) (_ context.Context, leave func(error), _ error) {
	if !slices.Contains(Classes(), class) {
		panic("admission: there is no class " + string(class))
	}
	if !g.take(class) {
		g.refuse(class, "in_flight")
		return ctx, nil, Overloaded("The service already works on as many requests of this kind as it takes. Try again in a moment.")
	}
	enter := g.entities.enter(ctx, entity)
	if enter == nil {
		g.refuse(class, "lock")
		g.add(class, -1)
		return ctx, nil, Locked()
	}
	p := &place{gate: g, class: class, quit: sync.OnceFunc(enter), back: func() { g.add(class, -1) }}
	leave = func(err error) {
		switch e, _ := apperr.As(err); {
		case e == nil:
		case e.Code == codeOverloaded:
			g.refuse(class, "connection")
		case e.Code == codeLocked:
			g.refuse(class, "lock")
		}
		p.giveUp()
	}
	return context.WithValue(ctx, placeKey{}, p), leave, nil
}

// Wait gives up the place of the request while it waits for a change: it then holds nothing that other requests need. resume
// takes the place again, even beyond the limit, because the request may have made its change already. ok is false if too many
// requests wait; then the request must not wait.
func Wait(ctx context.Context) (resume func(), ok bool) {
	p := placeOf(ctx)
	if p == nil {
		return func() {}, true
	}
	g := p.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	defer p.quit() // also the place among the changes of its entity: the change itself was made before the wait
	if g.waiters >= g.waits {
		g.refuse(p.class, "wait")
		return func() {}, false
	}
	g.waiters++
	g.waiting.Set(float64(g.waiters))
	g.addLocked(p.class, -1)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.waiters--
		g.waiting.Set(float64(g.waiters))
		g.addLocked(p.class, +1)
	}, true
}

func (g *Gate) take(class Class) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.taken[class] >= g.limits[class] {
		return false
	}
	g.addLocked(class, +1)
	return true
}

func (g *Gate) add(class Class, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.addLocked(class, n)
}

func (g *Gate) addLocked(class Class, n int) {
	g.taken[class] += n
	g.inFlight.WithLabelValues(string(class)).Add(float64(n))
}

func (g *Gate) refuse(class Class, reason string) {
	g.refused.WithLabelValues(string(class), reason).Inc()
}
