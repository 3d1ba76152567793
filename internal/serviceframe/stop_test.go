package serviceframe

import (
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/wakeup"
)

// The parts stop one after the other. Even if each takes its whole time, the stop ends within the grace period.
func TestTheTimesOfAStopFitIntoTheGracePeriod(t *testing.T) {
	t.Parallel()
	for _, s := range []lifecycle.Settings{
		{Grace: 20 * time.Second, Delay: 2 * time.Second}, {Grace: 20 * time.Second}, {Grace: time.Minute, Delay: 30 * time.Second},
		{Grace: 12 * time.Second}, {Grace: 5 * time.Minute, Delay: time.Minute},
	} {
		cfg := config.Common{Shutdown: s, Consumer: config.Consumer{Batch: 500}}
		relay := relayConfig(Spec{Topics: []string{"t"}}, cfg).StopTimeout
		bounds := map[string]time.Duration{
			"delay": s.Delay, "http": stopTimesOf(s).http, "consumer": consumer.StopBound(Tuning(cfg)), "relay": relay,
			"wake-ups": wakeup.StopBound, "connections": closeTimeout(s),
		}
		var sum time.Duration
		for part, bound := range bounds {
			sum += bound
			if bound <= 0 && part != "delay" {
				t.Errorf("%+v: no time for %s", s, part)
			}
		}
		if grace := Tuning(cfg).HandleGrace; grace > 5*time.Second {
			t.Errorf("%+v: batches may take %s, longer than a rebalance", s, grace)
		}
		if sum > s.Grace {
			t.Errorf("%+v: the parts may take %s: %v", s, sum, bounds)
		}
	}
}
