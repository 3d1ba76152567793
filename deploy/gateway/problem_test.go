//go:build gateway

package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Every error answer that nginx itself makes is a problem.
func TestGatewayProblems(t *testing.T) {
	t.Parallel()
	broken := startService(t, 1, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nnot a header\r\n\r\n"))
		_ = conn.Close()
	})
	n := setup(t, options{services: endpoints{"monolith": broken.endpoint()}, env: map[string]string{"GATEWAY_MAX_BODY": "2k"}, edit: func(template string) string {
		// No request can cause these statuses, so the test adds locations for them.
		return strings.Replace(template, "server_name", "location = /provoke/500 { return 500; } location = /provoke/503 { return 503; } server_name", 1)
	}})
	const host = " HTTP/1.1\r\nHost: x\r\n"
	long := strings.Repeat("a", 9000)
	for name, tt := range map[string]struct {
		request string
		status  int
		problem string
	}{
		"no request":              {"BLAH\r\n\r\n", 400, "malformed"},
		"no version":              {"GET / FTP/1.1\r\n\r\n", 400, "malformed"},
		"a header without a name": {"GET /" + host + ": x\r\n\r\n", 400, "malformed"},
		"no host":                 {"GET / HTTP/1.1\r\n\r\n", 400, "malformed"},
		"two hosts":               {"GET /" + host + "Host: y\r\n\r\n", 400, "malformed"},
		"two lengths":             {"POST /api/x" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400, "malformed"},
		"length and coding":       {"POST /api/x" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "malformed"},
		"a broken chunk":          {"POST /api/x" + host + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "malformed"},
		"an unknown coding":       {"POST /api/x" + host + "Transfer-Encoding: fax\r\n\r\n", 400, "malformed"},
		"an unknown version":      {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 400, "malformed"},
		"a broken path":           {"GET /api/%zz" + host + "\r\n", 400, "malformed"},
		"a path above the root":   {"GET /../../api" + host + "\r\n", 400, "malformed"},
		"no such path":            {"GET /nowhere" + host + "\r\n", 404, "not-found"},
		"an internal path":        {"GET /.gateway/problem/internal" + host + "\r\n", 404, "not-found"},
		"another internal path":   {"POST /.gateway/repeat/unsent" + host + "\r\n", 404, "not-found"},
		"TRACE":                   {"TRACE /api/x" + host + "\r\n", 405, "method-not-allowed"},
		"POST to the page":        {"POST /" + host + "Content-Length: 1\r\n\r\na", 405, "method-not-allowed"},
		"the page has changed":    {"GET /" + host + "If-Match: \"other\"\r\n\r\n", 412, "stale"},
		"too large":               {"POST /api/x" + host + "Content-Length: 2049\r\n\r\n", 413, "too-large"},
		"too large, asked first":  {"POST /api/x" + host + "Content-Length: 2049\r\nExpect: 100-continue\r\n\r\n", 413, "too-large"},
		"a long target":           {"GET /api/" + long + host + "\r\n", 414, "uri-too-long"},
		"a long header":           {"GET /api/x" + host + "X: " + long + "\r\n\r\n", 431, "header-too-large"},
		"broken by the gateway":   {"GET /provoke/500" + host + "\r\n", 500, "internal"},
		"no instance":             {"GET /catalog" + host + "\r\n", 502, "bad-gateway"},
		"a broken answer":         {"GET /api/x" + host + "\r\n", 502, "bad-gateway"},
		"a broken answer to POST": {"POST /api/x" + host + "Content-Length: 1\r\n\r\na", 502, "bad-gateway"},
		"away":                    {"GET /provoke/503" + host + "\r\n", 503, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := n.in(t).raw(8080, tt.request)
			isProblem(t, a, tt.status, tt.problem)
			if allow := a.header.Get("Allow"); (tt.status == 405) != (allow != "") {
				t.Errorf("Allow is %q", allow)
			}
		})
	}
}

// If a service has no instance left, the gateway answers with a problem. The other service still works.
func TestGatewayServicesDown(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, fine)
	services["monolith"][0].kill()
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		isProblem(t, n.do(method, 8000, "/api/v1/product", "{}"), 502, "bad-gateway")
	}
	if a := n.get(8080, "/catalog/api/v1"); a.status != 200 {
		t.Errorf("the other service: %d %s", a.status, a.body)
	}
	services["catalog"][0].kill()
	isProblem(t, n.get(8080, "/catalog/api/v1"), 502, "bad-gateway")
	if a := n.get(8080, "/"); a.status != 200 {
		t.Errorf("the page: %d", a.status)
	}
}

// A lost answer hides a change only if the request can change something, and if a part of it was sent. The gateway warns of no other.
func TestGatewayTellsWhatMayHaveHappened(t *testing.T) {
	t.Parallel()
	gone := startService(t, 1, fine)
	gone[0].kill()
	silent := startService(t, 1, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	broken := startService(t, 1, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_ = conn.Close()
	})
	const warning = " A change may have happened."
	for what, tt := range map[string]struct {
		service endpoint
		status  int
		name    string
		sent    bool
	}{
		"no instance listens":        {gone.endpoint(), 502, "bad-gateway", false},
		"no instance has an address": {endpoint{port: 9}, 502, "bad-gateway", false},
		"an instance breaks off":     {broken.endpoint(), 502, "bad-gateway", true},
		"an instance answers never":  {silent.endpoint(), 504, "gateway-timeout", true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			n := setup(t, options{services: endpoints{"monolith": tt.service}, env: map[string]string{"GATEWAY_READ_TIMEOUT": "300ms"}})
			for method, changes := range map[string]bool{"GET": false, "OPTIONS": false, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "ODD": true} {
				a := n.do(method, 8080, "/api/x", "")
				isProblem(t, a, tt.status, tt.name)
				if warned := strings.Contains(a.body, warning); warned != (changes && tt.sent) {
					t.Errorf("%s: warned %t: %s", method, warned, a.body)
				}
			}
			a := n.do("HEAD", 8080, "/api/x", "")
			if a.status != tt.status || a.body != "" {
				t.Errorf("HEAD: %d %s", a.status, a.body)
			}
		})
	}
}

// The gateway gives up an instance that hangs. It sends only a read to the other instance.
func TestGatewayTimesOut(t *testing.T) {
	t.Parallel()
	monolith := startService(t, 2, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	n := setup(t, options{services: endpoints{"monolith": monolith.endpoint()}, env: map[string]string{"GATEWAY_READ_TIMEOUT": "300ms"}})
	for method, want := range map[string]int{"GET": 2, "POST": 1, "PUT": 1, "PATCH": 1, "DELETE": 1} {
		before := len(monolith.received())
		isProblem(t, n.do(method, 8080, "/api/x", ""), 504, "gateway-timeout")
		if got := len(monolith.received()) - before; got != want {
			t.Errorf("%s was sent %d times, want %d", method, got, want)
		}
	}
}

// A client that sends too many requests gets 429. Other clients and health checks are not affected.
func TestGatewayLimitsTheRate(t *testing.T) {
	t.Parallel()
	monolith := startService(t, 1, fine)
	n := setup(t, options{services: endpoints{"monolith": monolith.endpoint()}, env: map[string]string{"GATEWAY_RATE": "1r/m", "GATEWAY_BURST": "4"}})
	for i := range 10 {
		a := n.do(http.MethodPost, 8080, "/api/x", "")
		if i < 5 && a.status != 200 {
			t.Errorf("request %d: %d %s", i, a.status, a.body)
		}
		if i >= 5 {
			isProblem(t, a, 429, "too-many-requests")
		}
		if a := n.get(8080, "/healthz"); a.status != 200 {
			t.Errorf("health check %d: %d", i, a.status)
		}
	}
	if got := len(monolith.received()); got != 5 {
		t.Errorf("%d requests reached the service", got)
	}
	isProblem(t, n.get(8001, "/x"), 429, "too-many-requests") // the ports share the limit
}

// The gateway closes the connection of a slow client, at whatever point it stops. No service waits for the client.
func TestGatewayCutsOffSlowClients(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{}, 1)
	monolith := startService(t, 1, func(w http.ResponseWriter, r *http.Request) {
		defer func() { gone <- struct{}{} }()
		for r.Context().Err() == nil { // until all buffers on the way are full
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	n := setup(t, options{services: endpoints{"monolith": monolith.endpoint()}, env: map[string]string{"GATEWAY_CLIENT_TIMEOUT": "500ms"}})
	const line = "POST /api/x HTTP/1.1\r\nHost: x\r\n"
	for name, tt := range map[string]struct{ begin, drip string }{
		"nothing":         {"", ""},
		"half a header":   {line, ""},
		"a slow header":   {line, "X: y\r\n"},
		"half a body":     {line + "Content-Length: 9\r\n\r\nhalf", ""},
		"half a chunk":    {line + "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", ""},
		"no body at all":  {line + "Content-Length: 9\r\n\r\n", ""},
		"no body, asked ": {line + "Content-Length: 9\r\nExpect: 100-continue\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n.in(t).isCutOff(tt.begin, tt.drip)
			if got := monolith.received(); len(got) > 0 && got[0].method == http.MethodPost {
				t.Errorf("the service was asked: %v", got)
			}
		})
	}
	t.Run("reads nothing", func(t *testing.T) {
		t.Parallel()
		conn := n.in(t).dial(8080)
		if _, err := conn.Write([]byte("GET /api/x HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		select {
		case <-gone:
		case <-time.After(30 * time.Second):
			t.Error("the service still waits for the client")
		}
	})
}

// isCutOff writes the beginning of a request, then drip again and again, until the gateway closes the connection.
func (n *nginx) isCutOff(begin, drip string) {
	n.t.Helper()
	conn := n.dial(8080)
	if _, err := conn.Write([]byte(begin)); err != nil {
		n.t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for buf := make([]byte, 512); ; {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}()
	deadline, tick := time.After(20*time.Second), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-closed:
			return
		case <-tick.C:
			_, _ = conn.Write([]byte(drip)) // the reader notices when the connection is closed
		case <-deadline:
			n.t.Fatal("the connection is still open")
		}
	}
}
