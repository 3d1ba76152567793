//go:build gateway

package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// realServer is the HTTP server that the services use, with its endpoints at the root and below /catalog. Its metrics count
// the requests of each endpoint.
func realServer(t *testing.T) service {
	t.Helper()
	server := httpserver.New(httpserver.Config{Service: "real", Prefix: "/catalog", Registry: prometheus.NewRegistry()},
		slog.New(slog.DiscardHandler))
	handler := server.Handler()
	return startService(t, 1, handler.ServeHTTP)
}

// reached lists the hidden endpoints that got a request, by the server's metrics. It leaves out its own request.
func reached(t *testing.T, s service) []string {
	t.Helper()
	direct := &nginx{t: t, ports: map[int]string{8000: s[0].addr.String()}}
	text := direct.get(8000, "/metrics").body
	if !strings.Contains(text, "http_requests_in_flight") {
		t.Fatalf("these are not metrics: %.200s", text)
	}
	return regexp.MustCompile(`http_request_duration_seconds_count\{.*route="\S*(?:metrics|livez|readyz)".*`).FindAllString(text, -1)
}

// asker sends requests on one connection until the gateway closes it.
type asker struct {
	n       *nginx
	port    int
	conn    net.Conn
	answers *bufio.Reader
}

// ask sends a GET with a target and returns the answer.
func (a *asker) ask(target string) answer {
	a.n.t.Helper()
	if a.conn == nil {
		a.conn = a.n.dial(a.port)
		a.answers = bufio.NewReader(a.conn)
	}
	if _, err := fmt.Fprintf(a.conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", target); err != nil {
		a.n.t.Fatalf("%q: %v", target, err)
	}
	res, err := http.ReadResponse(a.answers, nil)
	if err != nil {
		a.n.t.Fatalf("%q: %v", target, err)
	}
	got, err := read(res)
	if err != nil {
		a.n.t.Fatalf("%q: %v", target, err)
	}
	if res.Close {
		_ = a.conn.Close()
		a.conn = nil
	}
	return got
}

// No spelling of the health and metrics endpoints gets past the gateway, on any port.
func TestGatewayHidesEndpoints(t *testing.T) {
	t.Parallel()
	server := realServer(t)
	n := setup(t, options{services: everywhere(t, server.endpoint())})
	for _, port := range []int{8080, 8000, 8001} {
		a := &asker{n: n, port: port}
		for target := range hiddenTargets(t, port != 8001) {
			switch got := a.ask(target); got.status {
			case 400:
				isProblem(t, got, 400, "malformed")
			default:
				isProblem(t, got, 404, "not-found")
			}
		}
	}
	if got := server.received(); len(got) > 0 {
		t.Errorf("%d spellings arrived, among them %s", len(got), got[0].uri)
	}
	if got := reached(t, server); len(got) > 0 {
		t.Errorf("endpoints were reached: %q", got)
	}
	if reached(t, server) == nil {
		t.Error("the server does not count its endpoints, so this test proves nothing")
	}
}

// hiddenTargets returns the endpoints in many spellings. For the other ports it returns only some of them, because the ports
// share their rules.
func hiddenTargets(t *testing.T, some bool) map[string]bool {
	targets := map[string]bool{"http://x/metrics": true, "http://x:8000/catalog/readyz": true, "HTTP://x//livez": true, "http://x/%6detrics": true}
	prefixes := []string{"", "/catalog", "/api", "/docs", "/x/..", "/.", "/catalog/.", "/catalog/x/..", "/catalog/%2e%2e", "/", "/catalog/", "/%63atalog",
		"/x/..%2f..", "http://x", "/a;b", "/catalog%2f", "/healthz/..", "/%2e"}
	for _, service := range split(t) {
		if prefix := "/" + service; !slices.Contains(prefixes, prefix) {
			prefixes = append(prefixes, prefix)
		}
	}
	spellings := []func(string) string{
		func(word string) string { return word },
		strings.ToUpper,
		func(word string) string { return strings.ToUpper(word[:1]) + word[1:] },
		func(word string) string { return fmt.Sprintf("%%%02x", word[0]) + word[1:] },
		func(word string) string { return word[:3] + fmt.Sprintf("%%%02X", word[3]) + word[4:] },
		func(word string) string { return fmt.Sprintf("%%25%02x", word[0]) + word[1:] },
		func(word string) string {
			return strings.ToUpper(strings.ReplaceAll(fmt.Sprintf(" % x", word), " ", "%"))
		},
	}
	suffixes := []string{"", "/", "//", "%2f", "%2F", "/.", "/..;/x", ";x", ";", "%3b", "%00", "%23", "#x", "?x", "%3fx", ".", "%20", "/x", "%0a", "\\", "%5c", ":", "~", "=", "%80"}
	for _, word := range []string{"metrics", "livez", "readyz"} {
		for p, prefix := range prefixes {
			for s, spell := range spellings {
				for e, suffix := range suffixes {
					for d, separator := range []string{"/", "%2f", "\\", "%5c", "//"} {
						if !some || (p+s+e+d)%7 == 0 {
							targets[prefix+separator+spell(word)+suffix] = true
						}
					}
				}
			}
		}
	}
	return targets
}

// The gateway gets random paths, made of everything that is special in a path. No path that it passes on reaches a hidden
// endpoint of the real server.
func TestGatewayHidesEndpointsFromAnything(t *testing.T) {
	t.Parallel()
	server := realServer(t)
	n := setup(t, options{services: everywhere(t, server.endpoint())})
	parts := []string{"/", "/", "/", "//", ".", "..", "%2e", "%2f", "%5c", "%25", "%00", "%23", "%3f", "%3b", ";", "#", "?", "\\", "+", "%20", "%2B", "m", "%6d",
		"%6D", "M", "etrics", "metrics", "metrics", "livez", "readyz", "catalog", "catalog", "api", "docs", "%c3%a9", "é", "%", "%zz", "*", ":", "@", "&", "=", "~"}
	const seed = 1
	random := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // the same paths in each run
	for _, port := range []int{8080, 8000, 8001} {
		a := &asker{n: n, port: port}
		for range 3000 {
			var target strings.Builder
			target.WriteString("/")
			for range 1 + random.IntN(7) {
				target.WriteString(parts[random.IntN(len(parts))])
			}
			a.ask(target.String())
		}
	}
	if len(server.received()) < 100 {
		t.Errorf("only %d paths passed", len(server.received()))
	}
	if got := reached(t, server); len(got) > 0 {
		t.Errorf("endpoints were reached: %q", got)
	}
}

// The names of the hidden endpoints are allowed where they are not a segment of the path.
func TestGatewayHidesOnlyEndpoints(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, fine)
	for _, target := range []string{"/api/v1/product?search=/metrics", "/api/v1/product/metrics1", "/api/v1/product/my-metrics", "/docs/livezone"} {
		if a := n.rawGet(8080, target); a.status != 200 {
			t.Errorf("%s: %d", target, a.status)
		}
	}
	if got := services["monolith"].received(); len(got) != 4 {
		t.Errorf("%d arrived", len(got))
	}
}

// HTTP/0.9 and HTTP/1.0 need no Host header.
func TestGatewayHidesEndpointsFromOldClients(t *testing.T) {
	t.Parallel()
	server := realServer(t)
	n := setup(t, options{services: everywhere(t, server.endpoint())})
	for _, request := range []string{"GET /metrics\r\n", "GET /metrics HTTP/1.0\r\n\r\n", "HEAD /livez HTTP/1.0\r\n\r\n", "GET /catalog/readyz\r\n"} {
		conn := n.dial(8001)
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		if text, err := io.ReadAll(conn); err != nil {
			t.Errorf("%q: %q, %v", request, text, err)
		}
	}
	if got := server.received(); len(got) > 0 {
		t.Errorf("%d arrived", len(got))
	}
}
