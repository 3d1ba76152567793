package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/internal/store/db"
)

// ProductModel returns the products for the commands that publish the state again. newID makes the ids of the events, and read
// decodes events.
func (s *Store) ProductModel(topic string, newID func() uuid.UUID, read func(event.Event) (product.Product, error)) repair.Model {
	m := productModel{s, newID, read}
	return repair.Model{Topic: topic, Count: m.count, Page: m.page, Raise: m.raise, Rebuild: m.rebuild}
}

type productModel struct {
	*Store
	newID func() uuid.UUID
	read  func(event.Event) (product.Product, error)
}

func (m productModel) count(ctx context.Context, tx pgx.Tx) (int, error) {
	n, err := db.New(tx).CountProducts(ctx)
	return int(n), err
}

func (m productModel) page(ctx context.Context, tx pgx.Tx, after string, limit int) ([]event.Message, error) {
	last, err := repair.UUIDAfter(after)
	if err != nil {
		return nil, err
	}
	rows, err := db.New(tx).PageOfProducts(ctx, last, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("lock the products after %s: %w", last, err)
	}
	return repair.Encode(rows, m.current)
}

func (m productModel) raise(ctx context.Context, tx pgx.Tx, published []repair.Published) ([]event.Message, error) {
	ids, versions := repair.UUIDs(published)
	rows, err := db.New(tx).RaiseProducts(ctx, ids, versions)
	if err != nil {
		return nil, fmt.Errorf("raise the versions of products: %w", err)
	}
	events, err := repair.Encode(rows, m.current)
	if err != nil {
		return nil, err
	}
	return events, history.Reassert(ctx, tx, rows, events, func(row db.Product, e event.Message) history.Change {
		return productChange(history.Reasserted, toProduct(row), time.Now(), e)
	})
}

// rebuild cannot give the product its old integer id: no event has it.
func (m productModel) rebuild(ctx context.Context, tx pgx.Tx, last event.Event, deleted bool) (event.Message, error) {
	p, err := m.read(last)
	if err != nil {
		return event.Message{}, fmt.Errorf("%w: %w", repair.ErrUnfit, err)
	}
	if p.Deleted { // its UUID never comes back
		return event.Message{}, nil
	}
	p.Version++
	if deleted {
		p.Deleted, p.UpdatedAt = true, time.Now().UTC().Truncate(time.Microsecond)
	}
	t := productTx{q: db.New(tx)}
	if p, err = t.InsertProduct(ctx, p); err != nil {
		return event.Message{}, err
	}
	e, err := m.encode.Product(p.Current(m.newID()))
	if err != nil {
		return event.Message{}, err
	}
	return e, history.In(tx).Record(ctx, productChange(history.Rebuilt(p.Deleted), p, time.Now(), e))
}

func (m productModel) current(row db.Product) (event.Message, error) {
	return m.encode.Product(toProduct(row).Current(m.newID()))
}
