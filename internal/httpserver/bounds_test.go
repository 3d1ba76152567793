package httpserver_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// While a load balancer still sends requests, the server answers them, and /readyz reports that the server stops.
func TestReadinessFailsFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error { return c.String(200, "served") }, func(c *httpserver.Config) { c.StopDelay = 2 * time.Second })
	b.stop()
	eventually(t, func() bool {
		resp, text := b.get("/readyz")
		return resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(text, `"stopping"`)
	})
	if resp, text := b.get("/it"); resp.StatusCode != 200 || text != "served" {
		t.Errorf("answered %d %s", resp.StatusCode, text)
	}
}

// A precondition or preferences in two header lines are read as one list.
func TestListHeadersMayComeInLines(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error {
		return c.String(200, fmt.Sprintf("%q %q", c.Request().Header.Values("If-Match"), c.Request().Header.Values("Prefer")))
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/it", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Close, req.Header = true, http.Header{"If-Match": {`"1"`, `"2", "3"`}, "Prefer": {"respond-async", "wait=5"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || string(text) != `["\"1\", \"2\", \"3\""] ["respond-async, wait=5"]` {
		t.Errorf("read %s, %v", text, err)
	}
}

// Unknown methods do not add series to the metrics.
func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for i := range 5 {
		b.do(fmt.Sprintf("BREW%d", i), "/livez")
		b.get(fmt.Sprintf("/nothing/%d", i))
	}
	_, text := b.get("/metrics")
	if n := strings.Count(text, "http_request_duration_seconds_count{"); n != 2 || strings.Contains(text, "BREW") {
		t.Errorf("%d series:\n%s", n, text)
	}
}

// A client that never sends the rest of its body gets an answer, and its connection is closed.
func TestASlowBodyIsGivenUp(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, func(c *httpserver.Config) { c.ReadTimeout = 50 * time.Millisecond })
	failed := make(chan error, 1)
	b.server.Echo.POST("/it", func(c echo.Context) error {
		_, err := io.ReadAll(c.Request().Body)
		failed <- err
		return err
	})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", b.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /it HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn); err != nil {
		t.Errorf("still open after 20 s: %v %q", err, text)
	}
	if err := <-failed; err == nil {
		t.Error("the half body was read as a whole one")
	}
}

// A client that sends its header one byte at a time, or nothing at all, is cut off.
func TestASlowClientCannotHoldAConnection(t *testing.T) {
	t.Parallel()
	b := setup(t, nil, func(c *httpserver.Config) { c.ReadHeaderTimeout = 50 * time.Millisecond })
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", b.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: localhost\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn); err != nil {
		t.Errorf("still open after 20 s: %v %q", err, text)
	}
}
