package httpserver_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// A request that waits longer than the server's other time-outs is answered.
func TestAWaitHasATimeOfItsOwn(t *testing.T) {
	t.Parallel()
	limits := func(c *httpserver.Config) {
		c.RequestTimeout, c.WriteTimeout, c.ReadTimeout = 100*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
	}
	b := setup(t, func(c echo.Context) error {
		ctx := c.Request().Context()
		err := httpserver.Pause(ctx, 500*time.Millisecond, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		return c.String(200, fmt.Sprint("waited: ", err, ", ended: ", ctx.Err()))
	}, limits)
	const want = "waited: context deadline exceeded, ended: <nil>"
	if resp, text := b.get("/it"); resp.StatusCode != 200 || text != want {
		t.Errorf("answered %d %q, want %q", resp.StatusCode, text, want)
	}
}

// A stop ends requests that wait at once. They do not use up the time for requests in progress.
func TestAStopEndsWaits(t *testing.T) {
	t.Parallel()
	begun, stopped := make(chan struct{}), make(chan struct{})
	b := setup(t, func(c echo.Context) error {
		return httpserver.Pause(c.Request().Context(), time.Hour, func(context.Context) error {
			close(begun)
			<-stopped
			return c.String(200, "ended by the stop")
		})
	}, func(c *httpserver.Config) {
		c.StopDelay, c.OnStop = 10*time.Millisecond, func() { close(stopped) }
	})
	answer := make(chan string, 1)
	go func() {
		_, text := b.get("/it")
		answer <- text
	}()
	<-begun
	b.stop()
	select {
	case text := <-answer:
		if text != "ended by the stop" {
			t.Errorf("answered %q", text)
		}
	case <-time.After(20 * time.Second):
		t.Error("the request was not ended")
	}
}
