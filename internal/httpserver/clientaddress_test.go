package httpserver_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// Any client can send X-Forwarded-For. Only an address that a trusted proxy has added is the client's address.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		trusted   string // networks, separated by spaces
		forwarded []string
		want      string
	}{
		"no header":                        {"127.0.0.0/8", nil, "127.0.0.1"},
		"from a peer that is not trusted":  {"10.0.0.0/8", []string{"6.6.6.6"}, "127.0.0.1"},
		"no proxy is trusted":              {"", []string{"6.6.6.6"}, "127.0.0.1"},
		"private addresses alone are not":  {"", []string{"10.0.0.1"}, "127.0.0.1"},
		"from a trusted proxy":             {"127.0.0.1/32", []string{"203.0.113.9"}, "203.0.113.9"},
		"IPv6":                             {"127.0.0.1/32", []string{"2001:db8::9"}, "2001:db8::9"},
		"forged in front of the proxy's":   {"127.0.0.1/32", []string{"6.6.6.6, 203.0.113.9"}, "203.0.113.9"},
		"forged in a line of its own":      {"127.0.0.1/32", []string{"6.6.6.6", "203.0.113.9"}, "203.0.113.9"},
		"through two trusted proxies":      {"127.0.0.1/32 10.0.0.0/8", []string{"203.0.113.9, 10.0.0.7"}, "203.0.113.9"},
		"a second proxy that is unknown":   {"127.0.0.1/32", []string{"203.0.113.9, 10.0.0.7"}, "10.0.0.7"},
		"nonsense is not believed":         {"127.0.0.1/32", []string{"<script>"}, "127.0.0.1"},
		"nonsense and an empty part, last": {"127.0.0.1/32", []string{"203.0.113.9, "}, "127.0.0.1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c echo.Context) error { return c.NoContent(http.StatusOK) }, func(c *httpserver.Config) {
				for text := range strings.FieldsSeq(tt.trusted) {
					c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(text))
				}
			})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/it", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Close = true
			req.Header["X-Forwarded-For"] = tt.forwarded
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b.stop() // the log line is written after the answer
			if err := <-b.ended; err != nil {
				t.Error(err)
			}
			b.ended <- nil
			if want := `"remote":"` + tt.want + `"`; !strings.Contains(b.log.String(), want) {
				t.Errorf("want %s in the log:\n%s", want, b.log)
			}
		})
	}
}

// What a client without a token stores is charged to its address. A host may use all addresses of an IPv6 network.
func TestAccountOfAClient(t *testing.T) {
	t.Parallel()
	for forwarded, want := range map[string]string{
		"": "anonymous 127.0.0.1", "203.0.113.9": "anonymous 203.0.113.9", "::ffff:203.0.113.9": "anonymous 203.0.113.9",
		"2001:db8:1:2:3:4:5:6": "anonymous 2001:db8:1:2::/64",
	} {
		s := httpserver.New(httpserver.Config{
			Registry: prometheus.NewRegistry(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		}, slog.New(slog.DiscardHandler))
		s.Echo.GET("/it", func(c echo.Context) error { return c.String(http.StatusOK, caller.Account(c.Request().Context())) })
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/it", http.NoBody)
		req.RemoteAddr = "127.0.0.1:4321"
		if forwarded != "" {
			req.Header.Set("X-Forwarded-For", forwarded)
		}
		answer := httptest.NewRecorder()
		s.Handler().ServeHTTP(answer, req)
		if answer.Body.String() != want {
			t.Errorf("forwarded for %q: %s, want %s", forwarded, answer.Body, want)
		}
	}
}
