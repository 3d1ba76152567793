package consumer

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestDelay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		least := time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(t, "least"))
		most := least + time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "more"))
		n := rapid.IntRange(1, 1_000_000).Draw(t, "n")
		d := retryDelay(n, least, most)
		if d < least/2 || d > most {
			t.Fatalf("%s is outside %s to %s", d, least/2, most)
		}
		if n > 40 && d < most/2 {
			t.Fatalf("%s after %d failures, want at least half of %s", d, n, most)
		}
	})
}

func TestFailuresAreLoggedAtGrowingIntervals(t *testing.T) {
	t.Parallel()
	var logged []int
	for n := 1; n <= 600; n++ {
		if shouldLog(n) {
			logged = append(logged, n)
		}
	}
	want := []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}
	if len(logged) != len(want) {
		t.Errorf("logged at %v, want %v", logged, want)
	}
}

// A stop must not wait for the end of a pause.
func TestWaitEndsWithTheConsumer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		sleep(t.Context(), nil, time.Hour)
		if d := time.Since(began); d != time.Hour {
			t.Errorf("waited %s", d)
		}
		stop, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began = time.Now()
		sleep(t.Context(), stop.Done(), time.Hour)
		sleep(stop, nil, time.Hour)
		if d := time.Since(began); d != time.Second {
			t.Errorf("waited %s", d)
		}
	})
}
