package outbox

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// ListedEvent is an event in the outbox, for people.
type ListedEvent struct {
	Seq       int64     `json:"seq"`
	Time      time.Time `json:"time"` // when it was appended
	Topic     string    `json:"topic"`
	Key       string    `json:"key"`
	Version   int64     `json:"version"`
	Type      string    `json:"type"`
	Sent      bool      `json:"sent"`
	Discarded bool      `json:"discarded"` // an operator has discarded it, because Kafka refused it
}

// EventFilter selects events. A zero value does not filter.
type EventFilter struct {
	Pending bool // only events that are not marked sent
	Topic   string
	Key     string
	Before  int64 // only events with a lower Seq; for the next page, the last Seq of this one
	Limit   int
}

// ListEvents returns events, newest first.
func ListEvents(ctx context.Context, pool *pgxpool.Pool, f EventFilter) ([]ListedEvent, error) {
	params := messagingdb.ListEventsParams{Topic: orNil(f.Topic), Key: orNil(f.Key), Before: f.Before, Most: int32(f.Limit)}
	if f.Before == 0 {
		params.Before = math.MaxInt64
	}
	rows, err := listRows(ctx, messagingdb.New(pool), f.Pending, params)
	if err != nil {
		return nil, fmt.Errorf("list the outbox: %w", err)
	}
	events := make([]ListedEvent, len(rows))
	for i, r := range rows {
		events[i] = ListedEvent{Seq: r.Seq, Time: r.CreatedAt.UTC(), Topic: r.Topic, Key: r.Key, Version: r.Version, Type: r.Type, Sent: r.Sent, Discarded: r.Discarded}
	}
	return events, nil
}

func listRows(ctx context.Context, q *messagingdb.Queries, pending bool, params messagingdb.ListEventsParams) ([]messagingdb.ListEventsRow, error) {
	if !pending {
		return q.ListEvents(ctx, params)
	}
	unsent, err := q.ListPendingEvents(ctx, messagingdb.ListPendingEventsParams(params))
	rows := make([]messagingdb.ListEventsRow, len(unsent))
	for i, r := range unsent {
		rows[i] = messagingdb.ListEventsRow(r)
	}
	return rows, err
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
