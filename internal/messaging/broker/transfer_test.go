package broker //nolint:testpackage // the limits are not exported

import (
	"testing"
	"time"
)

// Each link is used for some time with requests that are as large as the limit allows.
func TestTransferLimitFitsTheLink(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	for name, link := range map[string]struct {
		latency     time.Duration
		rate        int // bytes a second
		least, most int
	}{
		"slow":            {latency: 5 * time.Millisecond, rate: 100 << 10, least: 40 << 10, most: 110 << 10},
		"very slow":       {latency: 5 * time.Millisecond, rate: 20 << 10, least: leastTransfer, most: 24 << 10},
		"slow and far":    {latency: 300 * time.Millisecond, rate: 1 << 20, least: 400 << 10, most: 1100 << 10},
		"fast":            {latency: time.Millisecond, rate: 500 << 20, least: maxFetchBytes, most: maxFetchBytes},
		"fast and far":    {latency: 600 * time.Millisecond, rate: 500 << 20, least: maxFetchBytes, most: maxFetchBytes},
		"3 MiB/s, nearby": {latency: time.Millisecond, rate: 3 << 20, least: 1200 << 10, most: 3200 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newTransferLimit(timeout / 4)
			for i := range 200 {
				n := l.get()
				took := link.latency + time.Duration(n)*time.Second/time.Duration(link.rate)
				if took <= timeout {
					l.carried(n, took)
					continue
				}
				if l.ranOut(n); i > 20 {
					t.Fatalf("request %d, of %d bytes, runs out of time", i, n)
				}
			}
			if got := l.get(); got < link.least || got > link.most {
				t.Errorf("the limit is %d bytes, want %d to %d", got, link.least, link.most)
			}
		})
	}
}

func TestTransferLimitFollowsTheLink(t *testing.T) {
	t.Parallel()
	l := newTransferLimit(500 * time.Millisecond)
	for range 20 {
		l.carried(l.get(), 5*time.Millisecond)
	}
	if l.get() != maxFetchBytes {
		t.Fatalf("a fast link gets only %d bytes", l.get())
	}
	l.carried(200, 3*time.Second)
	if l.get() != maxFetchBytes {
		t.Error("a slow request of few bytes says nothing about the link")
	}
	l.ranOut(200_000)
	if got := l.get(); got != 50_000 {
		t.Errorf("after 200,000 bytes that ran out of time, the limit is %d", got)
	}
	for range 20 {
		l.ranOut(l.get())
	}
	if l.get() != leastTransfer {
		t.Errorf("the lowest limit is %d", l.get())
	}
	for range 20 {
		l.carried(l.get(), 5*time.Millisecond)
	}
	if l.get() != maxFetchBytes {
		t.Errorf("a fast link gets only %d bytes again", l.get())
	}
}
