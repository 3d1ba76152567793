package httpserver_test

import (
	"context"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// A request that waits leaves its place to others. If too many wait already, a request does not wait.
func TestAPauseGivesUpThePlace(t *testing.T) {
	t.Parallel()
	gate := admission.New(admission.Settings{Reads: 1, Waits: 1}, admission.Entities{})
	first, leave, err := gate.Enter(t.Context(), admission.Read, "")
	if err != nil {
		t.Fatal(err)
	}
	defer leave(nil)
	err = httpserver.Pause(first, time.Minute, func(waiting context.Context) error {
		if waiting.Err() != nil {
			t.Error("the first request does not wait")
		}
		second, leave, err := gate.Enter(t.Context(), admission.Read, "")
		if err != nil {
			return err
		}
		defer leave(nil)
		return httpserver.Pause(second, time.Minute, func(waiting context.Context) error { //nolint:contextcheck // another request
			if waiting.Err() == nil {
				t.Error("the second request waits, too")
			}
			return nil
		})
	})
	if err != nil {
		t.Error(err)
	}
	if _, _, err := gate.Enter(t.Context(), admission.Read, ""); err == nil {
		t.Error("after the wait, the request has no place")
	}
}
