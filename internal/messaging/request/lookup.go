package request

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// FinishedVersion is the version at which Lookup reports a request that is finished. There is no other version.
const FinishedVersion = 1

// Lookup returns a function that tells which of the requests are finished, each with FinishedVersion. Pending and unknown
// requests are missing in its answer. With it, a wakeup.Waiters can wait for outcomes.
func Lookup(db DB) func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	return func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
		finished, err := messagingdb.New(db).FinishedAmong(ctx, ids)
		if err != nil {
			return nil, fmt.Errorf("look for finished requests: %w", err)
		}
		versions := make(map[uuid.UUID]int64, len(finished))
		for _, id := range finished {
			versions[id] = FinishedVersion
		}
		return versions, nil
	}
}
