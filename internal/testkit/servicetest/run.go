package servicetest

import (
	"context"
	"testing"
)

// Run runs a part of a service in the background, until the end of the test. An error of the part fails the test.
func Run(t *testing.T, part func(ctx context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- part(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
