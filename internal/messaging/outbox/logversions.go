package outbox

import (
	"context"
	"fmt"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// LogVersion is the highest version of a key in a log.
type LogVersion struct {
	Version int64
	Offset  int64 // of its last record
	Purged  bool  // an operator has purged the key after that
}

// HighestVersions reads a partition up to its present end. It returns the highest version of each key, in memory. It fails
// if a record is not an event.
func HighestVersions(ctx context.Context, kafka Broker, tp broker.TopicPartition) (map[string]LogVersion, error) {
	start, err := kafka.StartOffset(ctx, tp)
	if err != nil {
		return nil, err
	}
	end, err := kafka.EndOffset(ctx, tp)
	if err != nil {
		return nil, err
	}
	highest := map[string]LogVersion{}
	err = kafka.ReadRange(ctx, tp, start, end, func(r broker.Fetched) error {
		key := string(r.Key)
		have := highest[key]
		if r.Value == nil {
			have.Purged = true
			highest[key] = have
			return nil
		}
		e, err := event.Decode(r.Value)
		if err != nil {
			return fmt.Errorf("%s at offset %d: %w", tp, r.Offset, err)
		}
		if e.Version >= have.Version {
			highest[key] = LogVersion{Version: e.Version, Offset: r.Offset}
		}
		return nil
	})
	return highest, err
}
