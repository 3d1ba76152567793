package oas_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/oas"
)

// BenchmarkRefusedBody measures what bodies of 64 KiB cost that the service refuses.
func BenchmarkRefusedBody(b *testing.B) {
	v, err := oas.New(document(b), oas.Config{MaxBody: 64 << 10})
	if err != nil {
		b.Fatal(err)
	}
	server := httpserver.New(httpserver.Config{Registry: prometheus.NewRegistry()}, slog.New(slog.DiscardHandler))
	mount(server.Echo, v.Middlewares(), func(c echo.Context) error { return c.NoContent(http.StatusCreated) })
	many := func(pattern string) string {
		var s strings.Builder
		for i := 0; s.Len() < 63<<10; i++ {
			fmt.Fprintf(&s, pattern, i)
		}
		return "{" + s.String()[1:] + "}"
	}
	for name, body := range map[string]string{
		"UnknownMembers": many(`,"%04d":0`),
		"OneLongText":    `{"name":"` + strings.Repeat("x", 63<<10) + `"}`,
		"EmptyObjects":   `{"tags":[` + strings.Repeat("{},", 20000) + `0]}`,
		"Numbers":        `{"tags":[` + strings.Repeat("0,", 31000) + `0]}`,
		"Nested":         many(`,"%04d":{"a":[0]}`),
		"NULs":           many(`,"%04d":"\u0000"`),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/things", strings.NewReader(body))
				req.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				if server.Echo.ServeHTTP(w, req); w.Code != http.StatusUnprocessableEntity {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
}
