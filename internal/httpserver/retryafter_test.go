package httpserver_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// An answer that asks the client to come back says when.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		status int
	}{
		"Unavailable": {apperr.New(apperr.Unavailable, "x"), http.StatusServiceUnavailable},
		"NotYet":      {apperr.New(apperr.NotYet, "x"), http.StatusServiceUnavailable},
		"InProgress":  {apperr.New(apperr.InProgress, "x"), http.StatusConflict},
		"TooMany":     {echo.NewHTTPError(http.StatusTooManyRequests), http.StatusTooManyRequests},
		"TooManyKeys": {apperr.New(apperr.TooMany, "x"), http.StatusTooManyRequests},
		"OfTheOwner":  {&httpserver.Problem{Type: httpserver.ProblemBase + "x", Status: http.StatusServiceUnavailable}, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(echo.Context) error { return tt.err })
			if resp, text := b.get("/it"); resp.StatusCode != tt.status || resp.Header.Get("Retry-After") == "" {
				t.Errorf("answered %d %s, Retry-After %q", resp.StatusCode, text, resp.Header.Get("Retry-After"))
			}
		})
	}
	t.Run("NotReady", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil, func(cfg *httpserver.Config) {
			cfg.Checks = []httpserver.Check{{Name: "database", Critical: true, Ask: func(context.Context) error { return errors.New("away") }}}
		})
		if resp, text := b.get("/readyz"); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("answered %d %s, Retry-After %q", resp.StatusCode, text, resp.Header.Get("Retry-After"))
		}
	})
}

// Clients that were refused together do not come back together.
func TestRetryAfterDiffers(t *testing.T) {
	t.Parallel()
	b := setup(t, func(echo.Context) error { return apperr.New(apperr.Unavailable, "x") })
	seen := map[string]bool{}
	for range 60 {
		resp, _ := b.get("/it")
		seen[resp.Header.Get("Retry-After")] = true
	}
	if len(seen) < 2 {
		t.Errorf("all are told %v", seen)
	}
}
