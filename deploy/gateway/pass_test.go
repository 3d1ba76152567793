//go:build gateway

package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/services"
)

// everyService starts an instance of each service, and a gateway in front of them.
func everyService(t *testing.T, handler http.HandlerFunc) (n *nginx, running map[string]service) {
	t.Helper()
	running, at := map[string]service{}, endpoints{}
	for _, name := range services.Names(t) {
		running[name] = startService(t, 1, handler)
		at[name] = running[name].endpoint()
	}
	return setup(t, options{services: at}), running
}

// Each port passes a path on to its service exactly as the client wrote it.
func TestGatewayRoutes(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, fine)
	for path, want := range wantRoutes(t) {
		for port, want := range map[int]string{8080: want, 8000: "monolith", 8001: "catalog"} {
			before := map[string]int{}
			for name, s := range services {
				before[name] = len(s.received())
			}
			target := path + "?q=%2F..%2f//&r=a%20b+c"
			a := n.rawGet(port, target)
			if want == "" {
				isProblem(t, a, 404, "not-found")
			} else if a.status != 200 {
				t.Errorf("%d %s: %d %s", port, path, a.status, a.body)
			}
			for name, s := range services {
				got := s.received()[before[name]:]
				if name != want && len(got) > 0 || name == want && (len(got) != 1 || got[0].uri != target) {
					t.Errorf("%d %s: the %s got %v", port, path, name, got)
				}
			}
		}
	}
}

// A path that nginx and the services read in the same way is passed on unchanged, even if it is unusual.
func TestGatewayPassesTheTargetUnchanged(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, fine)
	for _, target := range []string{
		"/api/v1/product/a%20b", "/api/v1/product/%41%c3%a9", "/api/v1/product/", "/api/v1/product/1:x@y,z~(a)'*!$&+=-_.", "/api/...",
		"/api/v1/product?", "/api/v1/product?search=%zz&&=#x", "/api/v1/product?a=/../metrics", "/api/v1/product/%3C%22%3E",
	} {
		if a := n.rawGet(8080, target); a.status != 200 {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
		got := services["monolith"].received()
		if last := got[len(got)-1].uri; last != target {
			t.Errorf("%s arrived as %s", target, last)
		}
	}
	n.rawGet(8080, "http://other.example/api/v1/product?x=1")
	got := services["monolith"].received()
	if last := got[len(got)-1].uri; last != "/api/v1/product?x=1" {
		t.Errorf("a target with a host arrived as %s", last)
	}
}

func TestGatewayHeaders(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, fine)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	n.do(http.MethodPut, 8080, "/catalog/api/v1/x", "body", "traceparent", trace, "tracestate", "a=1,b=2", "If-Match", `"7"`,
		"X-Forwarded-For", "6.6.6.6", "X-Forwarded-For", "7.7.7.7", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil",
		"X-Forwarded-Port", "1", "Forwarded", "for=6.6.6.6", "X-Real-IP", "6.6.6.6", "Accept-Encoding", "gzip", "Idempotency-Key", `"k"`, "Authorization", "Bearer abc")
	got := services["catalog"].received()[0]
	if got.host != n.ports[8080] || got.body != "body" || got.method != http.MethodPut {
		t.Errorf("got %+v", got)
	}
	for name, want := range map[string]string{
		"Traceparent": trace, "Tracestate": "a=1,b=2", "If-Match": `"7"`, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http",
		"X-Forwarded-Host": "", "X-Forwarded-Port": "", "Forwarded": "", "X-Real-Ip": "", "Accept-Encoding": "gzip", "Idempotency-Key": `"k"`,
		"Authorization": "Bearer abc",
	} {
		if value := strings.Join(got.header.Values(name), " and "); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
}

// A client of HTTP/1.0 that sends no Host gets an answer too.
func TestGatewayWithoutHost(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, fine)
	if a := n.raw(8000, "GET /x HTTP/1.0\r\n\r\n"); a.status != 200 || services["monolith"].received()[0].host != "localhost" {
		t.Errorf("%d %s, %+v", a.status, a.body, services["monolith"].received())
	}
}

// The gateway keeps a valid request id and replaces any other. In both cases the services and the gateway's problems have
// the same id.
func TestGatewayRequestID(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, fine)
	long := strings.Repeat("a", 64)
	for name, tt := range map[string]struct {
		id   []string
		kept bool
	}{
		"valid":          {[]string{"X-Request-Id", "Ab_1.2:3-4"}, true},
		"longest":        {[]string{"X-Request-Id", long}, true},
		"too long":       {[]string{"X-Request-Id", long + "a"}, false},
		"with a space":   {[]string{"X-Request-Id", "a b"}, false},
		"with a quote":   {[]string{"X-Request-Id", `a","b":"c`}, false},
		"with a newline": {[]string{"X-Request-Id", "a\tb"}, false},
		"not ASCII":      {[]string{"X-Request-Id", "é"}, false},
		"empty":          {[]string{"X-Request-Id", ""}, false},
		"absent":         {nil, false},
	} {
		n.get(8000, "/x", tt.id...)
		all := services["monolith"].received()
		got := all[len(all)-1].header.Values("X-Request-Id")
		if len(got) != 1 || !saneID.MatchString(got[0]) || tt.kept != (tt.id != nil && got[0] == tt.id[1]) {
			t.Errorf("%s: the service got %q", name, got)
		}
		a := n.get(8080, "/nowhere", tt.id...)
		isProblem(t, a, 404, "not-found")
		if id := a.header.Get("X-Request-Id"); tt.kept != (tt.id != nil && id == tt.id[1]) {
			t.Errorf("%s: the problem has %q", name, id)
		}
	}
}

// The answer of a service reaches the client unchanged, including errors and headers.
func TestGatewayPassesAnswersUntouched(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/api/%d", &status)
		maps.Copy(w.Header(), http.Header{
			"Etag": {`"strong"`}, "Content-Type": {"application/problem+json"}, "Cache-Control": {"no-cache"}, "X-Request-Id": {"theirs"},
			"Content-Security-Policy": {"default-src 'self'"}, "Vary": {"Accept", "Accept-Encoding"}, "Retry-After": {"7"}, "Allow": {"GET"},
			"Location": {"http://monolith:8000/api/v1/product/1"}, "Link": {"</a>; rel=next"}, "X-Content-Type-Options": {"nosniff"},
			"Www-Authenticate": {`Bearer realm="monolith"`},
		})
		w.WriteHeader(status)
		if status != http.StatusNotModified {
			_, _ = io.WriteString(w, strings.Repeat(`{"status": "theirs"}`, 100))
		}
	})
	direct := &nginx{t: t, ports: map[int]string{8080: services["monolith"][0].addr.String()}}
	for _, status := range []int{200, 201, 301, 304, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 500, 501, 502, 503, 504} {
		var answers []answer
		for _, way := range []*nginx{n, direct} {
			a := way.get(8080, fmt.Sprintf("/api/%d", status), "Accept-Encoding", "gzip", "If-None-Match", `"strong"`, "Range", "bytes=0-1")
			for _, name := range []string{"Date", "Server", "Connection"} { // these belong to one connection
				a.header.Del(name)
			}
			answers = append(answers, a)
		}
		if got, want := answers[0], answers[1]; got.status != status || !reflect.DeepEqual(got, want) {
			t.Errorf("%d became\n%v, was\n%v", status, got, want)
		}
	}
}

// The client gets the first part of an answer while the service still works on the rest. This holds for answers with and
// without a known length.
func TestGatewayStreams(t *testing.T) {
	t.Parallel()
	seen := make(chan struct{})
	n, _ := everyService(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/length" {
			w.Header().Set("Content-Length", "18")
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-seen:
			_, _ = io.WriteString(w, "data: 2\n\n")
		case <-r.Context().Done():
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	rest := map[string]*bufio.Reader{}
	for _, path := range []string{"/api/events", "/api/length"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.ports[8080]+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		rest[path] = bufio.NewReader(res.Body)
		if line, err := rest[path].ReadString('\n'); line != "data: 1\n" {
			t.Fatalf("%s: first %q, %v", path, line, err)
		}
	}
	close(seen)
	for path, lines := range rest {
		if text, err := io.ReadAll(lines); string(text) != "\ndata: 2\n\n" {
			t.Errorf("%s: then %q, %v", path, text, err)
		}
	}
}

// The log has one line of JSON for each request, except for health checks.
func TestGatewayLog(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, fine)
	n.get(8080, "/healthz")
	n.do(http.MethodDelete, 8080, `/nowhere/"x"?secret=1`, "", "X-Request-Id", "id-1")
	n.get(8080, `/api/v1/product?secret=1`, "X-Request-Id", "id-2")
	eventually(t, "both requests are logged", func() bool { return len(n.accessLog()) >= 2 })
	for _, want := range []map[string]any{
		{"request_id": "id-1", "client": "127.0.0.1", "method": "DELETE", "path": "/nowhere/%22x%22", "status": 404.0, "upstream": ""},
		{"request_id": "id-2", "client": "127.0.0.1", "method": "GET", "path": "/api/v1/product", "status": 200.0,
			"upstream": services["monolith"][0].addr.String(), "upstream_status": "200"},
	} {
		var got map[string]any
		if err := json.Unmarshal(n.logged(want["request_id"].(string)), &got); err != nil {
			t.Fatal(err)
		}
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s is %v, want %v", name, got[name], value)
			}
		}
		for _, name := range []string{"time", "took", "upstream_connect", "upstream_took", "bytes", "port"} {
			if got[name] == nil {
				t.Errorf("%s is missing", name)
			}
		}
	}
	if lines := n.accessLog(); len(lines) != 2 {
		t.Errorf("%d lines: %s", len(lines), lines)
	}
}

// A client can send long texts. The log has the beginning of each, as the logs of the services do.
func TestGatewayLogClips(t *testing.T) {
	t.Parallel()
	n, _ := everyService(t, fine)
	path, method := "/nowhere/"+strings.Repeat("a", 2000), strings.Repeat("M", 300)
	clipped := path[:256] + "…"
	for i, want := range []struct{ send, target, method, path string }{
		{"PUT", path, "PUT", clipped}, {"PUT", path + "?" + path, "PUT", clipped}, {"PUT", path[:256], "PUT", path[:256]},
		{"PUT", "/?" + path, "PUT", "/"}, {method, "/nowhere", method[:256] + "…", "/nowhere"},
	} {
		id := fmt.Sprint("id-", i)
		n.raw(8080, want.send+" "+want.target+" HTTP/1.1\r\nHost: x\r\nX-Request-Id: "+id+"\r\nUser-Agent: "+path+"\r\nReferer: "+path+"\r\n\r\n")
		var got struct{ Method, Path string }
		line := n.logged(id)
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		if got.Method != want.method || got.Path != want.path {
			t.Errorf("request %d: %+v, want %+v", i, got, want)
		}
		if len(line) > 1200 {
			t.Errorf("request %d has a line of %d bytes: %s", i, len(line), line)
		}
	}
}

// logged returns the line of the access log with the request id. Each worker of nginx writes its lines when it has time.
func (n *nginx) logged(id string) (line []byte) {
	n.t.Helper()
	eventually(n.t, id+" is logged", func() bool {
		for _, line = range n.accessLog() {
			if bytes.Contains(line, []byte(`"request_id":"`+id+`"`)) {
				return true
			}
		}
		return false
	})
	return line
}

func TestGatewayHealth(t *testing.T) {
	t.Parallel()
	n := setup(t, options{})
	for port := range n.ports {
		if a := n.get(port, "/healthz"); a.status != 200 || a.body != "ok" {
			t.Errorf("%d: %d %s", port, a.status, a.body)
		}
	}
}
