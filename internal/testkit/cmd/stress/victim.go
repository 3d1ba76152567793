package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The kinds of victims.
const (
	read    = "read"   // reads a product by its key
	create  = "create" // creates an entity
	change  = "change" // creates an entity in the other service; the time ends when the attacked one has committed its copy
	listing = "list"   // reads one page of the list of products
	probe   = "probe"  // asks whether the attacked service is ready
)

// rates are how often each kind of victim sends a request, per second. They are modest, so that without an attack nothing
// waits for anything.
var rates = map[string]int{read: 50, create: 10, change: 5, listing: 5, probe: 2}

// victimPatience is the time after which a victim gives up.
const victimPatience = 15 * time.Second

// outcome is what became of a victim's request.
type outcome int

const (
	done    outcome = iota
	refused         // 503 with Retry-After
	failed          // anything else; the sample says what
)

// sample is one request of a victim.
type sample struct {
	kind    string
	sent    time.Time
	took    time.Duration
	pending bool // there is no answer yet; for a change, no copy yet
	outcome outcome
	said    string // why it failed
	id      string // for a change: the id of the new entity
}

// victims send their requests at fixed times, which do not depend on the outcome of earlier requests. So a slow answer does
// not hide the requests that would have followed it.
type victims struct {
	system *system
	client *http.Client
	number atomic.Int64 // makes names unique
	// calmest is the lowest median of reads in a second of the run.
	calmest time.Duration

	mu      sync.Mutex
	samples []*sample
}

func newVictims(s *system) *victims {
	return &victims{system: s, client: &http.Client{Timeout: victimPatience, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// turnTo makes a service the attacked one, while no victim sends.
func (v *victims) turnTo(ctx context.Context, service string) error {
	v.samples = nil
	return v.system.turnTo(ctx, service)
}

// start lets all victims send until the function that it returns is called.
func (v *victims) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	for kind, rate := range rates {
		all.Go(func() {
			tick := time.NewTicker(time.Second / time.Duration(rate))
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					all.Go(func() { v.send(ctx, kind) })
				}
			}
		})
	}
	return func() {
		cancel()
		all.Wait()
		v.client.CloseIdleConnections()
	}
}

func (v *victims) send(ctx context.Context, kind string) {
	n := int(v.number.Add(1))
	s := &sample{kind: kind, sent: time.Now(), pending: true}
	v.mu.Lock()
	v.samples = append(v.samples, s)
	v.mu.Unlock()
	status, header, body, err := v.request(ctx, kind, n)
	took := time.Since(s.sent)
	v.mu.Lock()
	defer v.mu.Unlock()
	s.took, s.pending = took, false
	s.outcome, s.said = outcomeOf(status, header.Get("Retry-After"), body, err)
	if kind == change && s.outcome == done {
		s.id, s.pending = header.Get("Aggregate-Id"), true // until the copy is there
	}
}

func (v *victims) request(ctx context.Context, kind string, n int) (status int, header http.Header, said []byte, err error) {
	method, url, body := http.MethodGet, v.system.attacked.url("/readyz"), ""
	to, owner := frontOf(v.system.attacked.name, v.system.rows), frontOf(v.system.other.name, v.system.rows)
	switch kind {
	case read:
		url = v.system.attacked.url(to.product(1 + n%1000))
	case listing:
		url = v.system.attacked.url(to.list + "?limit=20")
	case create:
		method, url, body = http.MethodPost, v.system.attacked.url(to.create), to.body(n)
	case change:
		method, url, body = http.MethodPost, v.system.other.url(owner.create), owner.body(n)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, nil, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := v.client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	said, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, said, err
}

// outcomeOf judges an answer. A client that gets 503 with Retry-After is told what to do, so that is a refusal and not a
// failure.
func outcomeOf(status int, retryAfter string, body []byte, err error) (outcome, string) {
	switch {
	case err != nil:
		return failed, err.Error()
	case status < 300:
		return done, ""
	case status == http.StatusServiceUnavailable && retryAfter != "":
		return refused, ""
	default:
		return failed, fmt.Sprintf("%d: %.200s", status, body)
	}
}

// between returns copies of the samples that were sent in a time.
func (v *victims) between(from, to time.Time) (list []sample) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.samples {
		if !s.sent.Before(from) && s.sent.Before(to) {
			list = append(list, *s)
		}
	}
	return list
}

// settle waits until no sample that was sent before a time is pending. It gives up after patience: a change whose copy is
// not there then has failed.
func (v *victims) settle(ctx context.Context, before time.Time, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := v.findArrivals(ctx); err != nil {
			return err
		}
		left := v.pendingBefore(before)
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			v.mu.Lock()
			defer v.mu.Unlock()
			for _, s := range left {
				s.pending, s.outcome, s.took, s.said = false, failed, time.Since(s.sent), "it did not arrive in time"
			}
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (v *victims) pendingBefore(before time.Time) (left []*sample) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.samples {
		if s.pending && s.sent.Before(before) {
			left = append(left, s)
		}
	}
	return left
}

// findArrivals ends the changes whose copy is committed. PostgreSQL records the time of each commit, so that no observer
// disturbs the measurement.
func (v *victims) findArrivals(ctx context.Context) error {
	waiting := map[string]*sample{}
	var ids []string
	v.mu.Lock()
	for _, s := range v.samples {
		if s.pending && s.id != "" {
			waiting[s.id] = s
			ids = append(ids, s.id)
		}
	}
	v.mu.Unlock()
	rows, err := v.system.database.Query(ctx, frontOf(v.system.other.name, v.system.rows).arrived, ids)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var at time.Time
		if err := rows.Scan(&id, &at); err != nil {
			return err
		}
		v.mu.Lock()
		s := waiting[id]
		s.pending, s.took = false, at.Sub(s.sent)
		v.mu.Unlock()
	}
	return rows.Err()
}

// forget removes the samples, so that the next scenario searches few.
func (v *victims) forget(before time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var kept []*sample
	for _, s := range v.samples {
		if s.pending || !s.sent.Before(before) {
			kept = append(kept, s)
		}
	}
	v.samples = kept
}
