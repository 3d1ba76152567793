package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// Old integrations and clients of the owner make random changes in a few places, while processes are killed and paused and
// Kafka goes away. In the end both services have the same state, each request has had one outcome, and no version is missing.
func TestRandomWritesThroughBothAPIs(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	env := append([]string{"LEGACY_WRITE_WAIT=200ms"}, fastLease...)
	s.monolith, s.catalog = s.startMonolith(env...), s.startCatalog(fastLease...)
	for _, code := range []string{"DE", "FR"} {
		s.createMarket(code)
	}
	w := &randomWriters{system: s, done: make(chan struct{})}
	for i := range w.products {
		p := s.createProduct(fmt.Sprint("Desk ", i))
		w.products[i].Store(&p)
	}
	for i, code := range []string{"DE", "FR"} {
		w.markets[i] = place{market: s.marketID(code), code: code}
	}
	w.owner.Store(s.catalog.url("/catalog/api/v1"))
	t.Cleanup(w.stop)
	w.run(w.legacyWrite, w.legacyWrite, w.legacyWrite, w.legacyWrite, w.ownerWrite)

	faults := []struct {
		name       string
		begin, end func()
	}{
		{"the catalog is killed", func() { s.catalog.kill() }, func() {
			s.catalog = s.startCatalog(fastLease...)
			w.owner.Store(s.catalog.url("/catalog/api/v1"))
		}},
		{"the monolith is killed", func() { s.monolith.kill() }, func() { s.monolith = s.startMonolith(env...) }},
		{"the catalog is paused", func() { s.catalog.freeze() }, func() { s.catalog.thaw() }},
		{"the monolith is paused", func() { s.monolith.freeze() }, func() { s.monolith.thaw() }},
		{"Kafka is away", s.kafka.Stop, s.kafka.Start},
		{"products are held", s.holdProducts, s.kafka.Heal},
	}
	for range 2 {
		rand.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		for _, fault := range faults {
			w.goesOn()
			fault.begin()
			w.goesOn()
			fault.end()
		}
	}
	w.goesOn()
	w.stop()
	s.checkRequests(1)
	s.checkLog()
	t.Log("outcomes:", s.outcomes())
}

// randomWriters write in the places that two products and two markets make. A product that is deleted is replaced.
type randomWriters struct {
	*system
	products [2]atomic.Pointer[map[string]any]
	markets  [2]place     // without a product
	owner    atomic.Value // string: the base URL of the catalog's entries
	answered atomic.Int64

	mu            sync.Mutex
	legacy, owned []any // the ids of the last entries; some of them were never created

	done chan struct{}
	once sync.Once
	wg   sync.WaitGroup
}

func (w *randomWriters) run(writers ...func()) {
	for _, write := range writers {
		w.wg.Go(func() {
			for {
				select {
				case <-w.done:
					return
				default:
					write()
				}
			}
		})
	}
}

func (w *randomWriters) stop() {
	w.once.Do(func() { close(w.done) })
	w.wg.Wait()
}

// goesOn waits for some answers.
func (w *randomWriters) goesOn() {
	w.t.Helper()
	before := w.answered.Load()
	eventually(w.t, "writing goes on", func() bool { return w.answered.Load() > before+40 })
}

// send sends a request. Services may be away, but they must not answer with a status that they have no reason for. While one is
// away, writers wait a moment before they go on.
func (w *randomWriters) send(method, url string, body any, header ...string) (r reply, ok bool) {
	r, err := try(w.t, method, url, body, header...)
	if err != nil {
		aMoment(w.done)
		return r, false
	}
	w.answered.Add(1)
	switch r.status {
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return r, true
	case http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity, http.StatusServiceUnavailable:
	default:
		w.t.Errorf("%s %s is answered with %d %s", method, url, r.status, r.raw)
	}
	return r, false
}

func (w *randomWriters) place() place {
	p := w.markets[rand.IntN(len(w.markets))]
	product := *w.products[rand.IntN(len(w.products))].Load()
	p.product, p.uuid = product["id"], product["product_uuid"].(string)
	return p
}

func (w *randomWriters) legacyWrite() {
	if rand.IntN(10) == 0 {
		w.productWrite()
		return
	}
	base := w.writeTo.Load().(string) + "/api/v1/catalog"
	var header []string
	if rand.IntN(3) == 0 {
		header = []string{"Prefer", "respond-async"}
	}
	if rand.IntN(2) == 0 {
		header = append(header, "Idempotency-Key", fmt.Sprint("k", rand.IntN(1_000_000)))
	}
	w.change(base, &w.legacy, w.place().legacy, header...)
}

func (w *randomWriters) ownerWrite() {
	w.change(w.owner.Load().(string), &w.owned, w.place().owned)
}

// change creates an entry, or changes one that is listed, or one of those that were created last.
func (w *randomWriters) change(base string, ids *[]any, body func(map[string]any) map[string]any, header ...string) {
	entry, known := w.listed(base)
	if !known || rand.IntN(3) == 0 {
		entry, known = w.pick(ids)
	}
	if rand.IntN(6) == 0 {
		header = append(header, "If-Match", fmt.Sprintf("%q", fmt.Sprint(1+rand.IntN(3))))
	}
	switch op := rand.IntN(16); {
	case !known || op < 4:
		if r, ok := w.send(http.MethodPost, base, body(randomDates()), header...); ok {
			w.note(ids, r.object["id"])
		}
	case op < 10:
		w.send(http.MethodPatch, base+below([]any{entry}), randomDates(), header...)
	case op < 15:
		w.send(http.MethodPut, base+below([]any{entry}), randomDates(), header...)
	default:
		w.send(http.MethodDelete, base+below([]any{entry}), nil, header...)
	}
}

// listed returns the id of an entry that the API lists.
func (w *randomWriters) listed(base string) (id any, ok bool) {
	r, err := try(w.t, http.MethodGet, base, nil)
	if err != nil {
		aMoment(w.done)
	}
	if len(r.list) == 0 {
		return nil, false
	}
	return r.list[rand.IntN(len(r.list))]["id"], true
}

// randomDates returns members that may be missing or null, and rarely are in the wrong order.
func randomDates() map[string]any {
	members := map[string]any{}
	for month, name := range map[int]string{3: "availability_date", 4: "availability_end_date"} {
		if rand.IntN(20) == 0 {
			month = 7 - month // the end is before the start
		}
		switch rand.IntN(4) {
		case 0:
		case 1:
			members[name] = nil
		default:
			members[name] = fmt.Sprintf("2026-%02d-%02d", month, 1+rand.IntN(3))
		}
	}
	return members
}

func (w *randomWriters) pick(ids *[]any) (id any, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(*ids) == 0 {
		return nil, false
	}
	return (*ids)[rand.IntN(len(*ids))], true
}

func (w *randomWriters) note(ids *[]any, id any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*ids = append(*ids, id)
	*ids = slices.Delete(*ids, 0, max(len(*ids)-6, 0))
}

// productWrite discontinues a product or brings it back. It rarely deletes one.
func (w *randomWriters) productWrite() {
	base := w.writeTo.Load().(string) + "/api/v1/product"
	slot := &w.products[rand.IntN(len(w.products))]
	url := base + below([]any{(*slot.Load())["id"]})
	if rand.IntN(10) > 0 {
		w.send(http.MethodPatch, url, map[string]any{"discontinued": rand.IntN(6) == 0})
		return
	}
	w.send(http.MethodDelete, url, nil)
	r, ok := w.send(http.MethodPost, base, map[string]any{"name": fmt.Sprint("Desk ", rand.Uint64()), "product_category": "Tests"})
	if ok {
		slot.Store(&r.object)
	}
}
