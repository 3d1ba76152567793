package httpserver_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// A stream stays open longer than a request may take, and each text arrives as one event.
func TestAStreamOfEvents(t *testing.T) {
	t.Parallel()
	s := httpserver.New(httpserver.Config{Service: "test", RequestTimeout: 50 * time.Millisecond, Registry: prometheus.NewRegistry()}, slog.New(slog.DiscardHandler))
	s.HandleEvents("/events", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := httpserver.BeginEvents(r.Context(), w)
		if err != nil {
			t.Error(err)
			return
		}
		later, cancel := context.WithTimeout(r.Context(), 200*time.Millisecond) // four times what a request may take
		defer cancel()
		<-later.Done()
		if err := context.Cause(r.Context()); err != nil {
			t.Errorf("the request has ended: %v", err)
		}
		if err := errors.Join(out.Beat(), out.Send("news", "a\nb\r\nevent: forged\rc")); err != nil {
			t.Error(err)
		}
	}), func() error { return nil })
	listening := httptest.NewServer(s.Handler())
	defer listening.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, listening.URL+"/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	want := "retry: 2000\n\n:\n\nevent: news\ndata: a\ndata: b\ndata: event: forged\ndata: c\n\n"
	if h := res.Header; err != nil || string(text) != want || !strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") ||
		h.Get("X-Accel-Buffering") != "no" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%q, %v, %v", text, err, res.Header)
	}
}
