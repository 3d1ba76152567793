package httpserver_test

import (
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// Two targets that RFC 3986 (section 6.2.2) calls equivalent are the same to every handler, and others are not.
func TestEquivalentTargets(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error {
		return c.String(200, c.Param("id")+" "+c.QueryParam("a")+" "+c.Request().URL.String())
	})
	for target, want := range map[string]string{
		"/it/x":             "x  /it/x",
		"/%69t/x":           "x  /it/x",
		"/it%2fx":           "404",
		"/it/x%2f":          "x%2F  /it/x%2F",
		"/it/x%2F/":         "x%2F  /it/x%2F",
		"/it/%7Ex%2e/":      "~x.  /it/~x.",
		"/it/%c3%a4":        "ä  /it/%C3%A4",
		"/it/x%21":          "x!  /it/x%21",
		"/it/x?a=1;b=2&c":   "x 1;b=2 /it/x?a=1%3Bb=2&c",
		"/it/x?a=1%3bb&a=2": "x 1;b /it/x?a=1%3bb&a=2",
		"/it/x?b=%&a=1":     "x 1 /it/x?b=%&a=1",
	} {
		resp, text := b.get(target)
		if resp.StatusCode == 404 {
			text = "404"
		}
		if text != want {
			t.Errorf("%s: %d %s, want %s", target, resp.StatusCode, text, want)
		}
	}
}

// net/url reads no parameter at all if there are more than 10,000. Then a list would ignore its filters and its limit.
func TestManyParametersAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c echo.Context) error { return c.String(200, c.QueryParam("a")) })
	for _, tt := range []struct {
		query string
		want  int
	}{
		{"?a=1" + strings.Repeat("&b", 999), 200},
		{"?a=1" + strings.Repeat("&b", 1000), 400},
		{"?a=1" + strings.Repeat("&b", 12_000), 400},
		{"?" + strings.Repeat("b&", 1000) + "a=1", 400},
	} {
		resp, text := b.get("/it/x" + tt.query)
		if resp.StatusCode != tt.want || tt.want == 200 && text != "1" ||
			tt.want == 400 && (!strings.Contains(text, "1000 parameters") || resp.Header.Get("X-Request-Id") == "") {
			t.Errorf("%d bytes: %d %s, want %d", len(tt.query), resp.StatusCode, text, tt.want)
		}
	}
}
