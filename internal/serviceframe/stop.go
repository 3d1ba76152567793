package serviceframe

import (
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/lifecycle"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// stopTimes divides the time of a stop among the parts. They stop one after the other, so the times add up: together with the
// delay, they are never more than the grace period. The parts that are not listed end with their context.
type stopTimes struct {
	http     time.Duration // for requests in progress, after the delay
	consumer time.Duration // in it, half is for batches that are being applied
	relay    time.Duration
	rest     time.Duration // of the listener for wake-ups, and of closing the connections
}

func stopTimesOf(s lifecycle.Settings) stopTimes {
	left := s.Grace - s.Delay
	return stopTimes{http: left / 2, consumer: left / 4, relay: left / 6, rest: left / 12}
}

// closeTimeout bounds how long Close waits for connections that are still in use. After a stop that ended in time there are
// none.
func closeTimeout(s lifecycle.Settings) time.Duration {
	return min(500*time.Millisecond, stopTimesOf(s).rest/2)
}

// Tuning returns how the consumer of every service takes part in its group.
func Tuning(cfg config.Common) broker.GroupConfig {
	limit := stopTimesOf(cfg.Shutdown).consumer
	return broker.GroupConfig{
		MaxRecords: cfg.Consumer.Batch, Partitions: event.Partitions,
		// After the last batches there are two requests to Kafka and two statements, which get at most half the time of a request.
		HandleGrace: min(limit/2, 5*time.Second), LeaveTimeout: min(limit/6, 2*time.Second),
	}
}
