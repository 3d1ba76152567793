package request

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Pending is the state of a request without an outcome, for a Filter.
const Pending Kind = "pending"

// Filter selects requests that this service has sent.
type Filter struct {
	Kinds  []Kind     // only those with one of these outcomes, or Pending; all if it is empty
	Oldest bool       // the oldest first; otherwise the newest
	Past   *uuid.UUID // continue after this request; nil for the first part
	Limit  int
}

// List returns requests of the topic, in the order in which they were sent.
func List(ctx context.Context, db DB, topic string, f Filter) ([]Sent, error) {
	params := messagingdb.ListSentRequestsDownParams{Topic: topic, Past: f.Past, Most: int32(f.Limit)}
	for _, k := range f.Kinds {
		params.Outcomes = append(params.Outcomes, string(k))
	}
	q := messagingdb.New(db)
	read := q.ListSentRequestsDown
	if f.Oldest {
		read = func(ctx context.Context, p messagingdb.ListSentRequestsDownParams) ([]messagingdb.SentRequest, error) {
			return q.ListSentRequestsUp(ctx, messagingdb.ListSentRequestsUpParams(p))
		}
	}
	return toList(read(ctx, params))
}

// ListNew returns requests of the topic for new things: those that have their own id as their subject. They are at most limit that are
// pending, and then at most limit that were refused or have expired since a time; of both, the newest first.
func ListNew(ctx context.Context, db DB, topic string, since time.Time, limit int) ([]Sent, error) {
	q := messagingdb.New(db)
	pending, err := toList(q.ListNewPending(ctx, topic, int32(limit)))
	if err != nil {
		return nil, err
	}
	refused, err := toList(q.ListNewRefused(ctx, topic, since, int32(limit)))
	return append(pending, refused...), err
}

func toList(rows []messagingdb.SentRequest, err error) ([]Sent, error) {
	if err != nil {
		return nil, fmt.Errorf("list requests: %w", err)
	}
	list := make([]Sent, len(rows))
	for i, row := range rows {
		if list[i], err = toSent(row, nil); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Count returns how many requests of the topic have each of the outcomes, or Pending. It counts at most most of each.
func Count(ctx context.Context, db DB, topic string, kinds []Kind, most int) (map[Kind]int, error) {
	outcomes := make([]string, len(kinds))
	for i, k := range kinds {
		outcomes[i] = string(k)
	}
	rows, err := messagingdb.New(db).CountSentRequests(ctx, outcomes, topic, int32(most))
	if err != nil {
		return nil, fmt.Errorf("count requests: %w", err)
	}
	counts := make(map[Kind]int, len(rows))
	for _, row := range rows {
		counts[Kind(row.Outcome)] = int(row.N)
	}
	return counts, nil
}
