package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/event"
)

// While Kafka is down, the APIs work and the outbox grows. Afterwards everything arrives (invariants 2 and 12).
func TestKafkaAway(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.createProduct("Before")
	s.settled()

	s.kafka.Stop()
	for i := range 50 {
		s.createProduct(fmt.Sprint("While Kafka is away ", i))
	}
	if pending := rows(t, s.monolithDB, `SELECT count(*) FROM outbox_pending`); pending[0] != "50" {
		t.Errorf("%s pending, want 50", pending[0])
	}
	eventually(t, "readyz reports Kafka as degraded, and stays ready", func() bool {
		r := call(t, http.MethodGet, s.monolith.url("/readyz"), nil).must(t, http.StatusOK)
		if contains(r.raw, "127.0.0.1") {
			t.Errorf("readyz tells an address: %s", r.raw)
		}
		return contains(r.raw, `"name":"kafka","status":"degraded"`) && contains(r.raw, "kafka_fails")
	})
	s.kafka.Start()
	s.settled()
}

// Processes are killed during their work. No change is lost or reordered (invariants 1 to 5 and 8).
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.createMarket("FR")

	stop, written := s.write(4)
	for range 3 {
		before := written.Load()
		eventually(t, "writing goes on", func() bool { return written.Load() > before+40 })
		s.monolith.kill()
		s.monolith = s.restart(s.monolith, s.monolithDB)
		before = written.Load()
		eventually(t, "writing goes on", func() bool { return written.Load() > before+40 })
		s.catalog.kill()
		s.catalog = s.restart(s.catalog, s.catalogDB)
	}
	stop()
	s.settled()
	s.checkLog()
}

// A relay that is paused for longer than its lease must not write an old version after a newer one (H1 zombie relay, H13 slow
// renewal).
func TestAPausedRelayReordersNothing(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(fastLease...), s.startCatalog()
	stop, written := s.write(4)
	eventually(t, "writing has begun", func() bool { return written.Load() > 50 })
	zombie := s.monolith
	second := s.startMonolith(fastLease...)
	s.monolith = second
	zombie.freeze()
	before := written.Load()
	eventually(t, "the other instance has all shards", func() bool { return holders(t, s.monolithDB)[second.instance()] == monolithShards })
	eventually(t, "writing goes on", func() bool { return written.Load() > before+50 })
	zombie.thaw()
	before = written.Load()
	eventually(t, "the thawed instance takes part again", func() bool { return holders(t, s.monolithDB)[zombie.instance()] > 0 })
	eventually(t, "writing goes on", func() bool { return written.Load() > before+50 })
	stop()
	s.settled()
	s.checkLog()
}

// A second instance gets half of the shards within seconds. When it is dead, the first instance gets them back.
func TestTwoInstancesShareTheShards(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(fastLease...), s.startCatalog()
	first := s.monolith
	eventually(t, "the first instance has all shards", func() bool { return holders(t, s.monolithDB)[first.instance()] == monolithShards })

	second := s.startMonolith(fastLease...)
	eventually(t, "they share", func() bool {
		h := holders(t, s.monolithDB)
		return h[first.instance()] == monolithShards/2 && h[second.instance()] == monolithShards/2
	})
	out := command(t, s.env(s.monolithDB), "monolith", "outbox", "status").ok(t)
	for _, p := range []*process{first, second} {
		if !contains(out.stdout, p.instance()) {
			t.Errorf("outbox status does not name instance %s:\n%s", p.instance(), out.stdout)
		}
	}

	second.kill()
	for i := range 24 {
		s.createProduct(fmt.Sprint("After the kill ", i))
	}
	eventually(t, "the first instance has all shards again", func() bool { return holders(t, s.monolithDB)[first.instance()] == monolithShards })
	s.settled()

	third := s.startMonolith(fastLease...)
	eventually(t, "they share", func() bool { return holders(t, s.monolithDB)[third.instance()] == monolithShards/2 })
	if code := third.terminate(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if h := holders(t, s.monolithDB); h[third.instance()] != 0 {
		t.Errorf("a clean stop leaves leases behind: %v", h)
	}
}

// fastLease shortens the lease, so that a test does not have to wait long.
var fastLease = []string{"OUTBOX_LEASE_TIMEOUT=3s", "OUTBOX_LEASE_RENEW=300ms", "OUTBOX_PRODUCE_TIMEOUT=1s"}

// monolithShards is the number of shards of the monolith's topics: products, and requests to change the catalog.
const monolithShards = 2 * event.Partitions

// holders counts the shards that each instance holds, by the process id in its name.
func holders(t *testing.T, db string) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, name := range rows(t, db, `SELECT i.name FROM outbox_lease l JOIN outbox_instance i ON i.id = l.owner`) {
		count[name]++
	}
	return count
}

// write changes products until stop is called: it creates, patches, discontinues and deletes them. If a request fails because a
// service is down, the next one tries again a moment later. Without that moment, the writers would take the CPUs that the service
// needs for its start.
func (s *system) write(writers int) (stop func(), written *atomic.Int64) {
	written = &atomic.Int64{}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				n := s.writeOne(w, i)
				written.Add(n)
				if n == 0 {
					aMoment(done)
				}
			}
		})
	}
	var once sync.Once
	stop = func() {
		once.Do(func() { close(done) })
		wg.Wait()
	}
	s.t.Cleanup(stop)
	return stop, written
}

// aMoment returns after a few milliseconds, or when done is closed.
func aMoment(done <-chan struct{}) {
	select {
	case <-done:
	case <-time.After(10 * time.Millisecond):
	}
}

func (s *system) writeOne(writer, i int) (n int64) {
	send := func(method, path string, body any, want int) (reply, bool) {
		r, err := tryBy(s.t, hasty, method, s.writeTo.Load().(string)+path, body)
		if err != nil || r.status != want {
			return r, false
		}
		n++
		return r, true
	}
	const products = "/api/v1/product"
	created, ok := send(http.MethodPost, products,
		map[string]any{"name": fmt.Sprintf("Product %d of writer %d", i, writer), "product_category": "Tests"}, http.StatusCreated)
	if !ok {
		return n
	}
	product := products + below([]any{created.object["id"]})
	changes := []map[string]any{{"name": fmt.Sprintf("Renamed %d of writer %d", i, writer)}, {"discontinued": true}, {"discontinued": false}}
	for _, change := range changes[:i%4] {
		send(http.MethodPatch, product, change, http.StatusOK)
	}
	if i%5 == 0 {
		send(http.MethodDelete, product, nil, http.StatusNoContent)
	}
	return n
}

// checkLog checks the product topic (invariants 2 and 3).
func (s *system) checkLog() {
	s.t.Helper()
	s.checkTopic(productTopic, rows(s.t, s.monolithDB, `SELECT product_uuid::text, version FROM product`))
}
