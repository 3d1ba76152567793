package httpserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// dial opens a connection to the server, with a deadline for the whole test.
func (b *bundle) dial() *net.TCPConn {
	b.Helper()
	conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", b.server.Addr())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		b.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// logs waits until the log contains a text.
func (b *bundle) logs(text string) {
	b.Helper()
	eventually(b.T, func() bool { return strings.Contains(b.log.String(), text) })
}

// net/http ends a request's context when a read fails. The answer must name the fault of the request nevertheless.
func TestAnIncompleteBodyIsTheClientsFault(t *testing.T) {
	t.Parallel()
	for name, closed := range map[string]bool{"Slow": false, "Short": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil, func(c *httpserver.Config) {
				if c.RequestTimeout = time.Minute; !closed {
					c.ReadTimeout = 50 * time.Millisecond
				}
			})
			b.server.Echo.POST("/it", func(c echo.Context) error {
				_, err := io.ReadAll(c.Request().Body)
				<-c.Request().Context().Done()
				return apperr.New(apperr.Malformed, "it ended too early").Because(err)
			})
			conn := b.dial()
			if _, err := io.WriteString(conn, "POST /it HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhalf"); err != nil {
				t.Fatal(err)
			}
			if closed {
				if err := conn.CloseWrite(); err != nil {
					t.Fatal(err)
				}
			}
			if text, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 400 ") {
				t.Errorf("answered %s, %v", text, err)
			}
			b.logs(`"status":400`)
		})
	}
}

// A client may close its side of the connection after its request.
func TestAHalfClosedConnectionGetsItsAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error {
		<-c.Request().Context().Done()
		return apperr.New(apperr.NotFound, "it does not exist")
	})
	conn := b.dial()
	if _, err := io.WriteString(conn, "GET /it HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 404 ") {
		t.Errorf("answered %s, %v", text, err)
	}
}

// A client that goes away is not an outage. It has its own status in the metrics, and no failure is logged.
func TestAClientThatGoesAway(t *testing.T) {
	t.Parallel()
	away := apperr.New(apperr.Unavailable, "The commit was not confirmed.")
	for name, fails := range map[string]func(error) error{
		"AsItIs": func(err error) error { return fmt.Errorf("query: %w", err) },
		"InACommit": func(err error) error {
			return away.Because(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := make(chan struct{})
			b := setup(t, func(c echo.Context) error {
				close(begun)
				<-c.Request().Context().Done()
				return fails(c.Request().Context().Err())
			})
			conn := b.dial()
			if _, err := io.WriteString(conn, "GET /it HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			<-begun
			if err := conn.Close(); err != nil {
				t.Fatal(err)
			}
			b.logs(`"status":499`)
			if text := b.log.String(); strings.Contains(text, "request failed") || strings.Contains(text, "could not be served") {
				t.Errorf("logged %s", text)
			}
			if _, text := b.get("/metrics"); !strings.Contains(text, `{method="GET",route="/it",status="499"}`) {
				t.Errorf("metrics\n%s", text)
			}
		})
	}
}

// An error in the service is logged, even if the client goes away.
func TestAnInternalErrorIsLoggedEvenIfTheClientLeaves(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error {
		<-c.Request().Context().Done()
		return errors.New("a bug")
	})
	conn := b.dial()
	if _, err := io.WriteString(conn, "GET /it HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b.logs("a bug")
	b.logs(`"status":500`)
}

// A request is answered even if a part behind the handler hangs. Only an error of a COMMIT says that a change may have happened.
func TestARequestHasADeadline(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fails func(error) error
		want  string
	}{
		"AsItIs": {func(err error) error { return fmt.Errorf("query: %w", err) }, "too long to answer.\""},
		"InACommit": {func(err error) error {
			return apperr.New(apperr.Unavailable, "It may have happened.").Because(err)
		}, "It may have happened.\""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c echo.Context) error {
				<-c.Request().Context().Done()
				return tt.fails(c.Request().Context().Err())
			}, func(c *httpserver.Config) { c.RequestTimeout = 20 * time.Millisecond })
			resp, text := b.get("/it")
			if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(text, tt.want) {
				t.Errorf("answered %d %s", resp.StatusCode, text)
			}
			b.logs("request could not be served")
			b.logs(`"status":503`)
		})
	}
}

// A list that is cut off began with 200, but the metrics count the status of its error.
func TestAStreamThatIsCutOffIsCounted(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error {
		ctx := c.Request().Context()
		return httpserver.StreamArray(ctx, c.Response(), httpserver.StreamLimits{Part: time.Minute, Total: time.Minute}, func(yield func(string, error) bool) {
			for range 5000 {
				if !yield("some item or other", nil) {
					return
				}
			}
			<-ctx.Done()
			yield("", fmt.Errorf("list: %w", ctx.Err()))
		})
	}, func(c *httpserver.Config) { c.RequestTimeout = 100 * time.Millisecond })
	if resp, text := b.get("/it"); resp.StatusCode != 200 || !strings.Contains(text, "cut off") {
		t.Errorf("answered %d %.80s", resp.StatusCode, text)
	}
	b.logs("answer cut off")
	b.logs(`"status":503`)
}

// A client that does not read its answer does not keep a connection or the read of the list open.
func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	b := setup(t, func(c echo.Context) error {
		ctx := c.Request().Context()
		err := httpserver.StreamArray(ctx, c.Response(), httpserver.StreamLimits{Part: 50 * time.Millisecond, Total: time.Minute}, func(yield func(string, error) bool) {
			for yield(strings.Repeat("x", 1000), nil) { // until yield returns false
			}
		})
		ended <- err
		return err
	})
	conn := b.dial()
	if _, err := io.WriteString(conn, "GET /it HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("an endless list came to its end")
		}
	case <-ctx.Done():
		t.Fatal("the list is still being sent")
	}
	b.logs(`"status":499`)
	if text, err := io.ReadAll(conn); strings.Contains(string(text), "\r\n0\r\n\r\n") {
		t.Errorf("half a list ends as a whole one, %v", err)
	}
}

func TestErrorsAreProtectedToo(t *testing.T) {
	t.Parallel()
	b := setup(t, func(echo.Context) error { return errors.New("a bug") })
	for path, status := range map[string]int{"/nothing": 404, "/it": 500} {
		resp, _ := b.get(path)
		if resp.StatusCode != status || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Referrer-Policy") != "no-referrer" ||
			!strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") ||
			resp.Header.Get("Cross-Origin-Resource-Policy") != "same-origin" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d with %v", path, resp.StatusCode, resp.Header)
		}
	}
}

func TestHeadIsLoggedAsHead(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error { return c.String(200, "hello") })
	if resp, text := b.do(http.MethodHead, "/it"); resp.StatusCode != 200 || text != "" || resp.ContentLength != 5 {
		t.Errorf("answered %d %q, %d bytes", resp.StatusCode, text, resp.ContentLength)
	}
	b.logs(`"method":"HEAD"`)
	if _, text := b.get("/metrics"); !strings.Contains(text, `{method="HEAD",route="/it",status="200"}`) {
		t.Errorf("metrics\n%s", text)
	}
}
