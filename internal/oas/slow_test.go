package oas_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/oas"
)

// A body that is slower than the time limit is not broken: the client can send it again.
func TestASlowBody(t *testing.T) {
	t.Parallel()
	v, err := oas.New(document(t), oas.Config{MaxBody: 1000})
	if err != nil {
		t.Fatal(err)
	}
	server := httpserver.New(httpserver.Config{
		Addr: "127.0.0.1:0", ReadTimeout: 50 * time.Millisecond, WriteTimeout: time.Minute, RequestTimeout: time.Minute,
		Registry: prometheus.NewRegistry(),
	}, slog.New(slog.DiscardHandler))
	mount(server.Echo, v.Middlewares(), func(echo.Context) error { t.Error("handled"); return nil })
	if err := server.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	end := make(chan error, 1)
	go func() { end <- server.Run(ctx) }()
	defer func() {
		stop()
		if err := <-end; err != nil {
			t.Error(err)
		}
	}()
	for name, tt := range map[string]struct {
		closed bool
		want   string
	}{"Slow": {false, "HTTP/1.1 408 "}, "Short": {true, "HTTP/1.1 400 "}} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(conn, "POST /things HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		if tt.closed {
			if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(conn) // to the end: the server closes the connection
		if err != nil || !strings.HasPrefix(string(text), tt.want) || !strings.Contains(string(text), "application/problem+json") ||
			!tt.closed && !strings.Contains(string(text), "Connection: close") {
			t.Errorf("%s: answered %s, %v", name, text, err)
		}
		_ = conn.Close()
	}
}
