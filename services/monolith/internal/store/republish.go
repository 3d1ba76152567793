package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/services/monolith/internal/store/db"
)

// ProductModel returns the products for the commands that publish the state again. newID makes the ids of the events.
func (s *Store) ProductModel(topic string, newID func() uuid.UUID) outbox.Model {
	return outbox.Model{
		Topic: topic,
		Count: func(ctx context.Context, tx pgx.Tx) (int, error) {
			n, err := db.New(tx).CountProducts(ctx)
			return int(n), err
		},
		Page: func(ctx context.Context, tx pgx.Tx, after string, limit int) ([]event.Message, error) {
			last, err := keyOrNil(after)
			if err != nil {
				return nil, err
			}
			rows, err := db.New(tx).PageOfProducts(ctx, last, int32(limit))
			if err != nil {
				return nil, fmt.Errorf("lock the products after %s: %w", last, err)
			}
			return s.currentProducts(rows, newID)
		},
	}
}

// currentProducts encodes the products as they are.
func (s *Store) currentProducts(rows []db.Product, newID func() uuid.UUID) ([]event.Message, error) {
	messages := make([]event.Message, len(rows))
	for i, row := range rows {
		m, err := s.encode.Product(toProduct(row).Current(newID()))
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
