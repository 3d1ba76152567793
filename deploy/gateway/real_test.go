//go:build gateway

package gateway_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/services"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/catalog"
	"github.com/monsplit/monsplit/services/monolith"
)

// start runs a real service without Kafka until the test ends.
func start[C config.Config](t *testing.T, run func(context.Context, C, *slog.Logger) error) endpoint {
	t.Helper()
	at, _ := startWith(t, run, nil)
	return at
}

// startWith is start with more settings. It also returns a function that stops the service, and waits until it has ended.
func startWith[C config.Config](t *testing.T, run func(context.Context, C, *slog.Logger) error, env map[string]string) (at endpoint, end func()) {
	t.Helper()
	all := map[string]string{
		"DATABASE_URL": pgtest.NewURL(t), "KAFKA_BROKERS": "127.0.0.1:1", "HTTP_ADDR": "127.0.0.1:0", "SHUTDOWN_DELAY": "0s", "SHUTDOWN_GRACE": "20s",
	}
	maps.Copy(all, env)
	cfg, err := config.LoadFrom(*new(C), all)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	log, ended := servicetest.NewLog(t), make(chan error, 1)
	go func() { ended <- run(ctx, cfg, slog.New(log)) }()
	end = sync.OnceFunc(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("stopped with %v", err)
		}
	})
	t.Cleanup(end)
	select {
	case addr := <-log.Listening():
		at := netip.MustParseAddrPort(addr)
		return endpoint{at.Port(), []netip.Addr{at.Addr()}}, end
	case err := <-ended:
		ended <- nil
		t.Fatalf("ended early: %v", err)
		return endpoint{}, nil
	}
}

// created creates a product through the gateway. It waits until the service has its schema.
func created(n *nginx) answer {
	n.t.Helper()
	var a answer
	eventually(n.t, "the monolith is ready", func() bool {
		a = n.do(http.MethodPost, 8000, "/api/v1/product", `{"name":"Chair","product_category":"Furniture"}`, "Content-Type", "application/json")
		return a.status != 503
	})
	if a.status != 201 {
		n.t.Fatalf("%d %s", a.status, a.body)
	}
	return a
}

// Conditional requests work through the gateway.
func TestGatewayConditionalRequests(t *testing.T) {
	t.Parallel()
	n := setup(t, options{services: endpoints{"monolith": start(t, monolith.Run)}})
	at := "/api/v1/product/1"
	etag := created(n).header.Get("ETag")
	for name, tt := range map[string]struct {
		method, body string
		headers      []string
		status       int
	}{
		"unconditional":            {"GET", "", nil, 200},
		"not modified":             {"GET", "", []string{"If-None-Match", etag}, 304},
		"not modified, compressed": {"GET", "", []string{"If-None-Match", etag, "Accept-Encoding", "gzip"}, 304},
		"another tag":              {"GET", "", []string{"If-None-Match", `"other"`}, 200},
		"stale":                    {"PATCH", `{"name":"Stool"}`, []string{"If-Match", `"other"`}, 412},
		"stale deletion":           {"DELETE", "", []string{"If-Match", `"other"`}, 412},
	} {
		a := n.do(tt.method, 8080, at, tt.body, append(tt.headers, "Content-Type", "application/merge-patch+json")...)
		if a.status != tt.status || a.status < 400 && (a.header.Get("ETag") != etag || strings.HasPrefix(etag, "W/") || etag == "") {
			t.Errorf("%s: %d with ETag %s, want %d with %s: %s", name, a.status, a.header.Get("ETag"), tt.status, etag, a.body)
		}
	}
	changed := n.do("PATCH", 8080, at, `{"name":"Stool"}`, "If-Match", etag, "Content-Type", "application/merge-patch+json")
	if changed.status != 200 || changed.header.Get("ETag") == etag {
		t.Errorf("%d %s", changed.status, changed.body)
	}
	if again := n.do("PATCH", 8080, at, `{"name":"Bench"}`, "If-Match", etag, "Content-Type", "application/merge-patch+json"); again.status != 412 {
		t.Errorf("%d %s", again.status, again.body)
	}
}

// If only the service's limit refuses a body, the client always gets the service's own problem.
func TestGatewayLeavesBodiesToTheService(t *testing.T) {
	t.Parallel()
	n := setup(t, options{services: endpoints{"monolith": start(t, monolith.Run)}})
	created(n)
	for name, tt := range map[string]struct {
		length  func(text string) io.Reader
		headers []string
	}{
		"with its length": {func(text string) io.Reader { return strings.NewReader(text) }, nil},
		"in chunks":       {func(text string) io.Reader { return io.MultiReader(strings.NewReader(text)) }, nil},
		"expected":        {func(text string) io.Reader { return strings.NewReader(text) }, []string{"Expect", "100-continue"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := n.in(t)
			for _, size := range []int{70 << 10, 100 << 10, 256 << 10, 512 << 10, 1 << 20} {
				for range 20 {
					a, err := n.try(http.MethodPost, 8080, "/api/v1/product", tt.length(product(size)), append(tt.headers, "Content-Type", "application/json")...)
					if err != nil {
						t.Fatalf("%d bytes: %v", size, err)
					}
					if a.status != 413 || !strings.Contains(a.body, `/problems/too-large"`) || !strings.Contains(a.body, `"instance":"/api/v1/product"`) {
						t.Fatalf("%d bytes: %d %s", size, a.status, a.body)
					}
				}
			}
			a, err := n.try(http.MethodPost, 8080, "/api/v1/product", tt.length(product(1<<20+1)), tt.headers...)
			if err != nil {
				t.Fatal(err)
			}
			isProblem(t, a, 413, "too-large")
		})
	}
}

// product returns a product as JSON of this many bytes.
func product(size int) string {
	const begin, end = `{"product_category":"Furniture","name":"`, `"}`
	return begin + strings.Repeat("x", size-len(begin)-len(end)) + end
}

// Every link of the gateway's page works.
func TestGatewayPageLinks(t *testing.T) {
	t.Parallel()
	real := endpoints{
		"monolith": start(t, monolith.Run),
		"catalog":  start(t, catalog.Run),
	}
	if got, want := slices.Sorted(maps.Keys(real)), services.Names(t); !slices.Equal(got, want) {
		t.Fatalf("this test starts the services %q, there are %q", got, want)
	}
	n := setup(t, options{services: real})
	page := n.get(8080, "/")
	links := pageLinks(page.body)
	if page.status != 200 || len(links) < 10 {
		t.Fatalf("%d with %d links", page.status, len(links))
	}
	for _, link := range links {
		var a answer
		eventually(t, link+" is ready", func() bool {
			a = n.get(8080, link)
			return a.status != 503
		})
		if strings.HasSuffix(link, "/admin") { // it leads to the sign-in, below the same path
			if to := a.header.Get("Location"); a.status != 303 || to != link+"/sign-in" {
				t.Errorf("%s: %d to %q", link, a.status, to)
			}
			a = n.get(8080, link+"/sign-in")
		}
		if a.status != 200 {
			t.Errorf("%s: %d %s", link, a.status, a.body)
		}
	}
}
