package httpserver_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The HTTP library itself answers a request that it cannot read, before any code of the service runs. docs/problems.md says
// which answers these are, and that they are not problems.
func TestAnswersThatAreNotProblems(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for name, tt := range map[string]struct {
		request string
		status  int
	}{
		"InvalidPath":         {"GET /it/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
		"NoHost":              {"GET /it HTTP/1.1\r\n\r\n", 400},
		"InvalidLine":         {"GET /it\r\n\r\n", 400},
		"InvalidHeader":       {"GET /it HTTP/1.1\r\nHost: localhost\r\nA b: c\r\n\r\n", 400},
		"InvalidLength":       {"POST /it HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400},
		"LargeHeader":         {"GET /it HTTP/1.1\r\nHost: localhost\r\nA: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", 431},
		"LongTarget":          {"GET /it?" + strings.Repeat("a", 64<<10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 431},
		"TransferEncoding":    {"POST /it HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
		"Version":             {"GET /it HTTP/3.1\r\nHost: localhost\r\n\r\n", 505},
		"Expectation":         {"POST /it HTTP/1.1\r\nHost: localhost\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n", 417},
		"OptionsOfEverything": {"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
	} {
		resp, body := b.raw(tt.request)
		mediaType := resp.Header.Get("Content-Type")
		if resp.StatusCode != tt.status || body != "" && !strings.HasPrefix(mediaType, "text/plain") {
			t.Errorf("%s: %d %s %s, want %d and no problem", name, resp.StatusCode, mediaType, body, tt.status)
		}
	}
	// The first request that the library can read gets a problem.
	resp, body := b.raw("BREW /%25 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	if resp.StatusCode != 404 || resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// raw sends a request as it is, and reads the answer.
func (b *bundle) raw(request string) (*http.Response, string) {
	b.Helper()
	conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", b.server.Addr())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { _, _ = io.WriteString(conn, request) }() // the server may answer before it has read everything
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		b.Fatalf("%.60q: %v", request, err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // a reset after the answer does not matter
	return resp, string(body)
}
