//go:build gateway

package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// client uses a new connection for each request. It follows no redirect and decompresses nothing.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true, ExpectContinueTimeout: 10 * time.Second},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Timeout:       60 * time.Second,
}

// answer is an answer as the client received it.
type answer struct {
	status int
	header http.Header
	body   string
}

// in returns the gateway for a subtest.
func (n *nginx) in(t *testing.T) *nginx {
	sub := *n
	sub.t = t
	return &sub
}

// do sends a request to one of the gateway's ports. Headers are pairs of a name and a value.
func (n *nginx) do(method string, port int, path, body string, headers ...string) answer {
	n.t.Helper()
	a, err := n.try(method, port, path, strings.NewReader(body), headers...)
	if err != nil {
		n.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func (n *nginx) get(port int, path string, headers ...string) answer {
	n.t.Helper()
	return n.do(http.MethodGet, port, path, "", headers...)
}

// try is do for a request that may fail, and for any kind of body.
func (n *nginx) try(method string, port int, path string, body io.Reader, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(n.t.Context(), method, "http://"+n.ports[port]+path, body)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	return read(res)
}

func read(res *http.Response) (answer, error) {
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(text)}, err
}

// dial opens a connection. A test can write bytes to it that Go's HTTP client would never send.
func (n *nginx) dial(port int) net.Conn {
	n.t.Helper()
	conn, err := new(net.Dialer).DialContext(n.t.Context(), "tcp", n.ports[port])
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		n.t.Fatal(err)
	}
	return conn
}

// raw sends a request byte for byte.
func (n *nginx) raw(port int, request string) answer {
	n.t.Helper()
	conn := n.dial(port)
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		n.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		n.t.Fatalf("%.100q: %v", request, err)
	}
	a, err := read(res)
	if err != nil {
		n.t.Fatalf("%.100q: %v", request, err)
	}
	return a
}

// rawGet sends a GET with a target that is not changed in any way.
func (n *nginx) rawGet(port int, target string) answer {
	n.t.Helper()
	return n.raw(port, "GET "+target+" HTTP/1.1\r\nHost: "+n.ports[port]+"\r\nConnection: close\r\n\r\n")
}

// problem is an error answer of the gateway.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	RequestID string `json:"request_id"`
}

var saneID = regexp.MustCompile(`^[0-9A-Za-z_.:-]{1,64}$`)

// isProblem checks that an answer is a problem that the gateway made.
func isProblem(t *testing.T, a answer, status int, name string) {
	t.Helper()
	var p problem
	decoder := json.NewDecoder(bytes.NewReader([]byte(a.body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil || decoder.More() {
		t.Errorf("%d is not a problem: %v\n%s", a.status, err, a.body)
		return
	}
	id := a.header.Get("X-Request-Id")
	want := problem{"https://monsplit.github.io/problems/" + name, http.StatusText(status), status, p.Detail, id}
	if a.status != status || p != want || p.Detail == "" || !saneID.MatchString(id) {
		t.Errorf("%d with %+v, want %d with %+v", a.status, p, status, want)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/problem+json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"Referrer-Policy":         "no-referrer", "Cross-Origin-Resource-Policy": "same-origin", "Server": "nginx",
		"Retry-After": map[int]string{429: "1", 502: "2", 503: "2", 504: "2"}[status],
	} {
		if got := strings.Join(a.header.Values(name), " and "); got != want {
			t.Errorf("%d has %s: %q, want %q", status, name, got, want)
		}
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("timed out waiting until " + what)
		}
	}
}
