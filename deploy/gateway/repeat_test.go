//go:build gateway

package gateway_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// An instance reads the whole request and dies without an answer. It may have made a change. So the gateway sends only a
// request that changes nothing to another instance, and only once.
func TestGatewayRepeatsOnlyReads(t *testing.T) {
	t.Parallel()
	for how, handler := range map[string]http.HandlerFunc{"dies": dies, "resets": resets} {
		monolith := startService(t, 3, handler)
		n := setup(t, options{services: endpoints{"monolith": monolith.endpoint()}})
		for method, want := range map[string]int{
			"GET": 2, "HEAD": 2, "POST": 1, "PUT": 1, "PATCH": 1, "DELETE": 1, "OPTIONS": 1, "PROPFIND": 1, "LOCK": 1, "MKCOL": 1, "BREW": 1,
		} {
			for _, size := range []int{1, 100 << 10} {
				id := fmt.Sprintf("%s-%d", method, size)
				a := n.do(method, 8080, "/api/v1/product/1", strings.Repeat("x", size), "X-Request-Id", id)
				if method == "HEAD" {
					a.body = `{"type":"https://monsplit.github.io/problems/bad-gateway","title":"Bad Gateway","status":502,"detail":"-","request_id":"` + id + `"}`
				}
				isProblem(t, a, 502, "bad-gateway")
				reached := map[*instance]int{}
				for _, i := range monolith {
					for _, r := range (service{i}).received() {
						if r.header.Get("X-Request-Id") == id && len(r.body) == size {
							reached[i]++
						}
					}
				}
				for i, times := range reached {
					if times != 1 {
						t.Errorf("%s: %s of %d bytes reached %s %d times", how, method, size, i.addr, times)
					}
				}
				if len(reached) != want {
					t.Errorf("%s: %s of %d bytes reached %d instances, want %d", how, method, size, len(reached), want)
				}
			}
		}
	}
}

// The gateway does not repeat a request after the answer has begun.
func TestGatewayDoesNotRepeatABegunAnswer(t *testing.T) {
	t.Parallel()
	monolith := startService(t, 2, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	n := setup(t, options{services: endpoints{"monolith": monolith.endpoint()}})
	if a, err := n.try(http.MethodGet, 8080, "/api/x", nil); err == nil {
		t.Errorf("the client takes half an answer for the whole one: %d %s", a.status, a.body)
	}
	if got := monolith.received(); len(got) != 1 {
		t.Errorf("asked for %d times", len(got))
	}
}

// One of the instances in DNS refuses connections. A request that was never sent may go to the other one.
func TestGatewaySendsTheUnsent(t *testing.T) {
	t.Parallel()
	monolith := startService(t, 2, fine)
	monolith[1].kill()
	n := setup(t, options{services: endpoints{"monolith": monolith.endpoint()}})
	for method, safe := range map[string]bool{"GET": true, "HEAD": true, "POST": true, "PATCH": true, "PUT": false, "DELETE": false} {
		var sent []string
		for i := range 30 {
			body := fmt.Sprintf("%s %02d", method, i)
			a := n.do(method, 8080, "/api/x", body)
			switch {
			case a.status == 200:
				sent = append(sent, body)
			case safe || a.status != 502:
				t.Errorf("%s: %d %s", body, a.status, a.body)
			}
		}
		var got []string
		for _, body := range bodies(monolith.received()) {
			if strings.HasPrefix(body, method+" ") {
				got = append(got, body)
			}
		}
		if !slices.Equal(got, sent) {
			t.Errorf("arrived %q, answered %q", got, sent)
		}
	}
}

// The gateway gives up an instance within a second if it does not answer a connection attempt.
func TestGatewayGivesUpConnecting(t *testing.T) {
	t.Parallel()
	monolith := startService(t, 2, fine)
	monolith[1].kill()
	deaf(t, monolith[1].addr)
	n := setup(t, options{services: endpoints{"monolith": monolith.endpoint()}})
	for method, want := range map[string]int{"GET": 200, "POST": 200, "PUT": 504} {
		eventually(t, "the deaf instance is tried", func() bool {
			began := time.Now()
			a := n.do(method, 8080, "/api/x", "")
			took := time.Since(began)
			if took < 900*time.Millisecond {
				return false // the gateway tried the other instance first
			}
			if a.status != want || took > 5*time.Second {
				t.Errorf("%s: %d after %s", method, a.status, took)
			}
			return true
		})
	}
}

// load sends requests until stop is closed. Half of its clients send GETs, the others POSTs, each with a different body.
type load struct {
	n    *nginx
	wg   sync.WaitGroup
	stop chan struct{}

	count         atomic.Int64
	mu            sync.Mutex
	failed        []string // GETs
	answered, cut []string // the bodies of POSTs with 200, and with 502
}

func startLoad(n *nginx, clients int) *load {
	l := &load{n: n, stop: make(chan struct{})}
	for c := range clients {
		l.wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-l.stop:
					return
				default:
					if c%2 == 0 {
						l.get()
					} else {
						l.post(fmt.Sprintf("%d-%d", c, i))
					}
					l.count.Add(1)
				}
			}
		})
	}
	return l
}

func (l *load) get() {
	a, err := l.n.try(http.MethodGet, 8080, "/api/x", nil)
	if err != nil || a.status != 200 {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failed = append(l.failed, fmt.Sprint(a.status, a.body, err))
	}
}

func (l *load) post(body string) {
	a, err := l.n.try(http.MethodPost, 8080, "/api/x", strings.NewReader(body))
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		l.n.t.Errorf("POST %s: %v", body, err)
	case a.status == 200:
		l.answered = append(l.answered, body)
	case a.status == 502:
		l.cut = append(l.cut, body)
	default:
		l.n.t.Errorf("POST %s: %d %s", body, a.status, a.body)
	}
}

// more waits until the load has finished more requests.
func (l *load) more(requests int64) {
	l.n.t.Helper()
	target := l.count.Load() + requests
	eventually(l.n.t, "requests go on", func() bool { return l.count.Load() >= target })
}

func (l *load) end() {
	close(l.stop)
	l.wg.Wait()
}

// One of two instances is killed while it works on requests. No GET fails, and no POST arrives twice. When DNS no longer has
// the instance, every request gets an answer.
func TestGatewayLosesAnInstance(t *testing.T) {
	t.Parallel()
	var hold atomic.Bool
	var held atomic.Int64
	monolith := startService(t, 2, func(w http.ResponseWriter, r *http.Request) {
		if hold.Load() && strings.Contains(fmt.Sprint(r.Context().Value(http.LocalAddrContextKey)), "127.0.0.3") {
			held.Add(1)
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}
		fine(w, r)
	})
	n := setup(t, options{services: endpoints{"monolith": monolith.endpoint()}})
	const clients = 8
	l := startLoad(n, clients)
	l.more(100)
	hold.Store(true) // so that all clients wait for the instance that is killed
	eventually(t, "the instance works on requests", func() bool { return held.Load() >= clients })
	monolith[1].kill()
	l.more(100)
	n.dns.set("monolith", monolith[0].addr.Addr())
	eventually(t, "only the other instance is asked", func() bool {
		for range 20 {
			// The gateway does not repeat a PUT. So a PUT fails if it is sent to the instance that is gone.
			if a := n.do(http.MethodPut, 8080, "/api/x", ""); a.status != 200 {
				return false
			}
		}
		return true
	})
	l.end()
	if len(l.failed) > 0 {
		t.Errorf("%d GETs failed, among them %s", len(l.failed), l.failed[0])
	}
	if len(l.cut) != clients/2 {
		t.Errorf("%d POSTs were cut off, want the %d that the instance worked on", len(l.cut), clients/2)
	}
	var got []string
	for _, r := range monolith.received() {
		if r.method == http.MethodPost {
			got = append(got, r.body)
		}
	}
	slices.Sort(got)
	if want := slices.Sorted(slices.Values(slices.Concat(l.answered, l.cut))); !slices.Equal(got, want) {
		t.Errorf("%d POSTs arrived, %d were sent", len(got), len(want))
	}
}

// The gateway finds new instances within seconds, and forgets those that are gone.
func TestGatewayFollowsDNS(t *testing.T) {
	t.Parallel()
	catalog := startService(t, 3, fine)
	n := setup(t, options{services: endpoints{"catalog": catalog[:1].endpoint()}})
	for _, now := range []service{catalog[:1], catalog, catalog[1:], catalog[:2]} {
		n.dns.set("catalog", now.endpoint().addresses...)
		want := map[string]bool{}
		for _, i := range now {
			want[i.addr.String()] = true
		}
		began := time.Now()
		eventually(t, "exactly these instances answer", func() bool {
			answered := map[string]bool{}
			for range 30 { // each worker process of nginx asks DNS itself
				answered[n.get(8001, "/x").body] = true
			}
			return maps.Equal(answered, want)
		})
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("after %s", took)
		}
	}
}

// A change of one line in the route table moves a path to the other service. The reload loses no request.
func TestGatewayMovesAPath(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, fine)
	l := startLoad(n, 2)
	l.more(20)
	if a := n.get(8080, "/api/v1/catalog/1"); a.body != services["monolith"][0].addr.String() {
		t.Fatalf("%d %s", a.status, a.body)
	}
	text := readFile(t, filepath.Join(n.dir, "snippets/routes.conf"))
	n.write("snippets/routes.conf", strings.Replace(text, "~^/api/ ", "~^/api/v1/catalog(/|$) catalog;\n~^/api/ ", 1))
	if err := n.process.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the path moves", func() bool { return n.get(8080, "/api/v1/catalog/1").body == services["catalog"][0].addr.String() })
	if a := n.get(8080, "/api/v1/product"); a.body != services["monolith"][0].addr.String() {
		t.Errorf("another path moved too: %d %s", a.status, a.body)
	}
	l.more(20)
	l.end()
	if len(l.failed)+len(l.cut) > 0 {
		t.Errorf("requests failed: %q %q", l.failed, l.cut)
	}
}
