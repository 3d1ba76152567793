package httpserver_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// Foreign web pages do not reach a service that listens on a loopback address. Other clients do not notice.
func TestForeignPagesAreRefused(t *testing.T) {
	t.Parallel()
	const local = "127.0.0.1:8000"
	tests := map[string]struct {
		addr, allowed string // hosts, separated by spaces
		method, host  string
		header        [2]string
		want          int
	}{
		"a client without a browser's headers": {local, "", "POST", "localhost:8000", [2]string{}, 204},
		"an old client without a host":         {local, "", "POST", "", [2]string{}, 204},
		"by address":                           {local, "", "POST", "127.0.0.1:8000", [2]string{}, 204},
		"by IPv6":                              {"[::1]:8000", "", "POST", "[::1]:8000", [2]string{}, 204},
		"a name below localhost":               {local, "", "POST", "shop.localhost:8000", [2]string{}, 204},
		"upper case and the dot of the root":   {local, "", "POST", "LocalHost.:8000", [2]string{}, 204},
		"a name that leads here":               {local, "", "GET", "evil.example:8000", [2]string{}, 421},
		"a name that begins like localhost":    {local, "", "GET", "localhost.evil.example", [2]string{}, 421},
		"a name that begins like an address":   {local, "", "GET", "127.0.0.1.evil.example", [2]string{}, 421},
		"a configured name":                    {local, "api.example shop.example", "POST", "Shop.Example:8000", [2]string{}, 204},
		"localhost as well":                    {local, "api.example", "POST", "localhost:8000", [2]string{}, 204},
		"not a configured name":                {local, "api.example", "GET", "evil.example", [2]string{}, 421},
		"all names":                            {local, "*", "GET", "evil.example", [2]string{}, 204},
		"listens on localhost":                 {"localhost:8000", "", "GET", "evil.example", [2]string{}, 421},
		"listens for all":                      {":8000", "", "GET", "any.example", [2]string{}, 204},
		"listens for all, with names":          {":8000", "api.example", "GET", "evil.example", [2]string{}, 421},
		"a form of another page":               {local, "", "POST", "localhost:8000", [2]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"another port of this machine":         {local, "", "DELETE", "localhost:8000", [2]string{"Origin", "http://localhost:3000"}, 403},
		"a page without an origin":             {local, "", "PUT", "localhost:8000", [2]string{"Origin", "null"}, 403},
		"its own page":                         {local, "", "POST", "localhost:8000", [2]string{"Sec-Fetch-Site", "same-origin"}, 204},
		"its own page in an old browser":       {local, "", "PATCH", "localhost:8000", [2]string{"Origin", "http://localhost:8000"}, 204},
		"a link of another page":               {local, "", "GET", "localhost:8000", [2]string{"Sec-Fetch-Site", "cross-site"}, 204},
		"a form, all names":                    {local, "*", "POST", "localhost:8000", [2]string{"Sec-Fetch-Site", "cross-site"}, 204},
		"a form, listens for all":              {":8000", "", "POST", "any.example", [2]string{"Sec-Fetch-Site", "cross-site"}, 204},
		"a form, listens for all, with names":  {":8000", "api.example", "POST", "api.example", [2]string{"Sec-Fetch-Site", "cross-site"}, 403},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httpserver.New(httpserver.Config{Addr: tt.addr, AllowedHosts: strings.Fields(tt.allowed), Registry: prometheus.NewRegistry()},
				slog.New(slog.DiscardHandler))
			s.Echo.Any("/it", func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
			req := httptest.NewRequestWithContext(t.Context(), tt.method, "/it", http.NoBody)
			req.Host = tt.host
			if tt.header[0] != "" {
				req.Header.Set(tt.header[0], tt.header[1])
			}
			res := httptest.NewRecorder()
			s.Handler().ServeHTTP(res, req)
			text, _ := io.ReadAll(res.Body)
			if res.Code != tt.want {
				t.Errorf("answered %d %s", res.Code, text)
			}
			if tt.want >= 400 && (!strings.Contains(string(text), "HTTP_ALLOWED_HOSTS") || res.Header().Get("Content-Type") != "application/problem+json") {
				t.Errorf("the answer does not name the setting: %s", text)
			}
		})
	}
}
