package httpserver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

// ended is a connection whose client has closed its side.
type ended struct{ net.Conn }

func (ended) Read([]byte) (int, error)        { return 0, io.EOF }
func (ended) SetReadDeadline(time.Time) error { return nil }
func (ended) Close() error                    { return nil }

func TestTheEndIsDelayed(t *testing.T) {
	t.Parallel()
	const grace = 10 * time.Second
	past := time.Unix(1, 0)
	for name, tt := range map[string]struct {
		size int
		do   func(c *patientConn) // after a second
		want error
		took time.Duration
	}{
		"UntilTheGraceEnds":  {1, func(*patientConn) {}, io.EOF, grace},
		"UntilTheAnswer":     {1, func(c *patientConn) { _ = c.SetReadDeadline(past) }, os.ErrDeadlineExceeded, time.Second},
		"UntilTheClose":      {1, func(c *patientConn) { _ = c.Close() }, os.ErrDeadlineExceeded, time.Second},
		"NotByAnotherLimit":  {1, func(c *patientConn) { _ = c.SetReadDeadline(time.Time{}) }, io.EOF, grace},
		"NotBetweenRequests": {4096, func(*patientConn) {}, io.EOF, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &patientConn{Conn: ended{}, grace: grace, interrupt: make(chan struct{})}
				done := make(chan struct{})
				time.AfterFunc(time.Second, func() {
					defer close(done)
					tt.do(c)
				})
				began := time.Now()
				if _, err := c.Read(make([]byte, tt.size)); !errors.Is(err, tt.want) || time.Since(began) != tt.took {
					t.Errorf("%v after %s, want %v after %s", err, time.Since(began), tt.want, tt.took)
				}
				<-done
				if _, err := c.Read(make([]byte, 4096)); !errors.Is(err, io.EOF) {
					t.Errorf("the next read: %v", err)
				}
			})
		})
	}
}

// A client that closes its side after its request gets the answer, for a request that was in progress at that time.
func TestAHalfClosedClientGetsItsAnswer(t *testing.T) {
	t.Parallel()
	s := New(Config{Addr: "127.0.0.1:0", RequestTimeout: time.Minute, Registry: prometheus.NewRegistry()}, slog.New(slog.DiscardHandler))
	held := make(chan struct{}, 1)
	s.held = func() { held <- struct{}{} }
	s.Echo.POST("/it", func(c echo.Context) error {
		if _, err := io.ReadAll(c.Request().Body); err != nil {
			return err
		}
		select {
		case <-held:
		case <-c.Request().Context().Done():
		}
		if err := c.Request().Context().Err(); err != nil {
			return err
		}
		return c.NoContent(http.StatusCreated)
	})
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	end := make(chan error, 1)
	go func() { end <- s.Run(ctx) }()
	defer func() {
		stop()
		if err := <-end; err != nil {
			t.Error(err)
		}
	}()
	for range 40 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(conn, "POST /it HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
			t.Fatal(err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(conn) // to the end: the server closes the connection too
		if err != nil || len(text) < 12 || string(text[:12]) != "HTTP/1.1 201" {
			t.Fatalf("answered %s, %v", text, err)
		}
		_ = conn.Close()
	}
}
