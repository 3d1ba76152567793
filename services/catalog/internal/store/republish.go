package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/services/catalog/internal/store/db"
)

// MarketModel returns the markets for the commands that publish the state again. newID makes the ids of the events.
func (s *Store) MarketModel(topic string, newID func() uuid.UUID) outbox.Model {
	return outbox.Model{
		Topic: topic,
		Count: func(ctx context.Context, tx pgx.Tx) (int, error) {
			n, err := db.New(tx).CountMarkets(ctx)
			return int(n), err
		},
		Page: func(ctx context.Context, tx pgx.Tx, after string, limit int) ([]event.Message, error) {
			rows, err := db.New(tx).PageOfMarkets(ctx, after, int32(limit))
			if err != nil {
				return nil, fmt.Errorf("lock the markets after %s: %w", after, err)
			}
			return encodeAll(rows, func(row db.Market) (event.Message, error) { return s.encode.Market(toMarket(row).Current(newID())) })
		},
	}
}

// EntryModel returns the entries for the commands that publish the state again.
func (s *Store) EntryModel(topic string, newID func() uuid.UUID) outbox.Model {
	return outbox.Model{
		Topic: topic,
		Count: func(ctx context.Context, tx pgx.Tx) (int, error) {
			n, err := db.New(tx).CountEntries(ctx)
			return int(n), err
		},
		Page: func(ctx context.Context, tx pgx.Tx, after string, limit int) ([]event.Message, error) {
			last, err := keyOrNil(after)
			if err != nil {
				return nil, err
			}
			rows, err := db.New(tx).PageOfEntries(ctx, last, int32(limit))
			if err != nil {
				return nil, fmt.Errorf("lock the entries after %s: %w", last, err)
			}
			return encodeAll(rows, func(row db.CatalogEntry) (event.Message, error) { return s.encode.Entry(toEntry(row).Current(newID())) })
		},
	}
}

func encodeAll[R any](rows []R, encode func(R) (event.Message, error)) ([]event.Message, error) {
	messages := make([]event.Message, len(rows))
	for i, row := range rows {
		m, err := encode(row)
		if err != nil {
			return nil, err
		}
		messages[i] = m
	}
	return messages, nil
}

func keyOrNil(key string) (uuid.UUID, error) {
	if key == "" {
		return uuid.Nil, nil
	}
	return uuid.Parse(key)
}
