package delay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monsplit/monsplit/internal/delay"
)

func TestFor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		d, limit time.Duration
		passed   bool
		took     time.Duration
	}{
		"it passes":         {time.Second, time.Minute, true, time.Second},
		"it is cut short":   {time.Minute, time.Second, false, time.Second},
		"none":              {0, time.Second, true, 0},
		"a negative one":    {-time.Second, time.Second, true, 0},
		"none, but it ends": {0, 0, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
				defer cancel()
				began := time.Now()
				if passed := delay.For(ctx, tt.d); passed != tt.passed || time.Since(began) != tt.took {
					t.Errorf("%t after %s, want %t after %s", passed, time.Since(began), tt.passed, tt.took)
				}
			})
		})
	}
}
