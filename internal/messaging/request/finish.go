package request

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Outcome is what the owner says about a request.
type Outcome struct {
	Request uuid.UUID
	Kind    string          // a word of the two services, as in "accepted"
	Result  json.RawMessage // what the service keeps of the outcome
	// Unreadable means that the owner cannot read the request, and its operator looks at it. Another outcome follows, so this
	// one does not finish the request. Kind and Result have no meaning then.
	Unreadable bool
}

// Finished is a request that an outcome has finished.
type Finished struct {
	Topic  string
	Kind   string
	Waited time.Duration // from the sending of the request
}

// Finish records the outcomes in the caller's transaction, and returns the requests that they finish. Outcomes may come
// repeatedly: the first final outcome of a request wins, and later ones change nothing. Outcomes of requests that this service
// does not know change nothing either: they are requests of others, or requests that are no longer kept.
func Finish(ctx context.Context, tx pgx.Tx, outcomes []Outcome) ([]Finished, error) {
	var unreadable, ids []uuid.UUID
	var kinds []string
	var results [][]byte
	seen := map[uuid.UUID]bool{}
	for _, o := range outcomes {
		switch {
		case o.Unreadable:
			unreadable = append(unreadable, o.Request)
		case !seen[o.Request]:
			seen[o.Request] = true
			ids, kinds, results = append(ids, o.Request), append(kinds, o.Kind), append(results, o.Result)
		}
	}
	q := messagingdb.New(tx)
	if len(unreadable) > 0 {
		if err := q.MarkUnreadable(ctx, unreadable); err != nil {
			return nil, fmt.Errorf("mark unreadable requests: %w", err)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := q.FinishRequests(ctx, ids, kinds, results)
	if err != nil {
		return nil, fmt.Errorf("finish requests: %w", err)
	}
	finished := make([]Finished, len(rows))
	for i, row := range rows {
		finished[i] = Finished{Topic: row.Topic, Kind: row.Outcome, Waited: max(row.FinishedAt.Sub(row.CreatedAt), 0)}
	}
	return finished, nil
}
