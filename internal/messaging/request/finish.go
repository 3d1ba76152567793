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

// Decision is an outcome as the asker receives it.
type Decision struct {
	Request uuid.UUID
	Kind    Kind
	Result  json.RawMessage // what the service keeps of the outcome
}

// Finished is a request that an outcome has finished.
type Finished struct {
	ID     uuid.UUID
	Topic  string
	Kind   Kind
	Waited time.Duration // from the sending of the request
}

// Finish records outcomes in the caller's transaction, and returns the requests that they finish. Outcomes may come
// repeatedly: the first final outcome of a request wins, and later ones change nothing. Unreadable is not final: it is only
// noted. Outcomes of requests that this service does not know change nothing: they are requests of others, or are no longer
// kept.
func Finish(ctx context.Context, tx pgx.Tx, decisions []Decision) ([]Finished, error) {
	var unreadable, ids []uuid.UUID
	var kinds []string
	var results [][]byte
	seen := map[uuid.UUID]bool{}
	for _, d := range decisions {
		switch {
		case d.Kind == Unreadable:
			unreadable = append(unreadable, d.Request)
		case !seen[d.Request]:
			seen[d.Request] = true
			ids, kinds, results = append(ids, d.Request), append(kinds, string(d.Kind)), append(results, d.Result)
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
		finished[i] = Finished{ID: row.ID, Topic: row.Topic, Kind: Kind(row.Outcome), Waited: max(row.FinishedAt.Sub(row.CreatedAt), 0)}
	}
	return finished, nil
}
