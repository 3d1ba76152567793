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
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/store/db"
)

// MarketModel returns the markets for the commands that publish the state again. newID makes the ids of the events, and read
// decodes events.
func (s *Store) MarketModel(topic string, newID func() uuid.UUID, read func(event.Event) (market.Market, error)) repair.Model {
	m := marketModel{s, newID, read}
	return repair.Model{Topic: topic, Count: m.count, Page: m.page, Raise: m.raise, Rebuild: m.rebuild}
}

type marketModel struct {
	*Store
	newID func() uuid.UUID
	read  func(event.Event) (market.Market, error)
}

func (m marketModel) count(ctx context.Context, tx pgx.Tx) (int, error) {
	n, err := db.New(tx).CountMarkets(ctx)
	return int(n), err
}

func (m marketModel) page(ctx context.Context, tx pgx.Tx, after string, limit int) ([]event.Message, error) {
	rows, err := db.New(tx).PageOfMarkets(ctx, after, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("lock the markets after %s: %w", after, err)
	}
	return repair.Encode(rows, m.current)
}

func (m marketModel) raise(ctx context.Context, tx pgx.Tx, published []repair.Published) ([]event.Message, error) {
	codes, versions := repair.Keys(published)
	rows, err := db.New(tx).RaiseMarkets(ctx, codes, versions)
	if err != nil {
		return nil, fmt.Errorf("raise the versions of markets: %w", err)
	}
	events, err := repair.Encode(rows, m.current)
	if err != nil {
		return nil, err
	}
	return events, history.Reassert(ctx, tx, rows, events, func(row db.Market, e event.Message) history.Change {
		return marketChange(history.Reasserted, toMarket(row), time.Now(), e)
	})
}

// rebuild also rebuilds a market that is deleted: its code may come back, and then needs its next version. No event has the name
// of such a market, so it gets its code as a name.
func (m marketModel) rebuild(ctx context.Context, tx pgx.Tx, last event.Event, deleted bool) (event.Message, error) {
	v, err := m.read(last)
	if err != nil {
		return event.Message{}, fmt.Errorf("%w: %w", repair.ErrUnfit, err)
	}
	v.Version++
	if v.Deleted {
		v.Name = v.ISOCode
	} else if deleted {
		v.Deleted, v.UpdatedAt = true, time.Now().UTC().Truncate(time.Microsecond)
	}
	if err := (marketTx{m.own(tx)}).InsertMarket(ctx, v); err != nil {
		return event.Message{}, err
	}
	e, err := m.encode.Market(v.Current(m.newID()))
	if err != nil {
		return event.Message{}, err
	}
	return e, history.In(tx).Record(ctx, marketChange(history.Rebuilt(v.Deleted), v, time.Now(), e))
}

func (m marketModel) current(row db.Market) (event.Message, error) {
	return m.encode.Market(toMarket(row).Current(m.newID()))
}

// EntryModel returns the entries for the commands that publish the state again.
func (s *Store) EntryModel(topic string, newID func() uuid.UUID, read func(event.Event) (entry.Entry, error)) repair.Model {
	m := entryModel{s, newID, read}
	return repair.Model{Topic: topic, Count: m.count, Page: m.page, Raise: m.raise, Rebuild: m.rebuild}
}

type entryModel struct {
	*Store
	newID func() uuid.UUID
	read  func(event.Event) (entry.Entry, error)
}

func (m entryModel) count(ctx context.Context, tx pgx.Tx) (int, error) {
	n, err := db.New(tx).CountEntries(ctx)
	return int(n), err
}

func (m entryModel) page(ctx context.Context, tx pgx.Tx, after string, limit int) ([]event.Message, error) {
	last, err := repair.UUIDAfter(after)
	if err != nil {
		return nil, err
	}
	rows, err := db.New(tx).PageOfEntries(ctx, last, int32(limit))
	if err != nil {
		return nil, fmt.Errorf("lock the entries after %s: %w", last, err)
	}
	return repair.Encode(rows, m.current)
}

func (m entryModel) raise(ctx context.Context, tx pgx.Tx, published []repair.Published) ([]event.Message, error) {
	ids, versions := repair.UUIDs(published)
	rows, err := db.New(tx).RaiseEntries(ctx, ids, versions)
	if err != nil {
		return nil, fmt.Errorf("raise the versions of entries: %w", err)
	}
	events, err := repair.Encode(rows, m.current)
	if err != nil {
		return nil, err
	}
	return events, history.Reassert(ctx, tx, rows, events, func(row db.CatalogEntry, e event.Message) history.Change {
		return entryChange(history.Reasserted, toEntry(row), time.Now(), e)
	})
}

func (m entryModel) rebuild(ctx context.Context, tx pgx.Tx, last event.Event, deleted bool) (event.Message, error) {
	v, err := m.read(last)
	if err != nil {
		return event.Message{}, fmt.Errorf("%w: %w", repair.ErrUnfit, err)
	}
	if v.Deleted { // its id never comes back
		return event.Message{}, nil
	}
	v.Version++
	if deleted {
		v.Deleted, v.UpdatedAt = true, time.Now().UTC().Truncate(time.Microsecond)
	}
	if err := db.New(tx).InsertEntry(ctx, insertEntryParams(v)); err != nil {
		return event.Message{}, fmt.Errorf("rebuild catalog entry %s: %w", v.ID, err)
	}
	e, err := m.encode.Entry(v.Current(m.newID()))
	if err != nil {
		return event.Message{}, err
	}
	return e, history.In(tx).Record(ctx, entryChange(history.Rebuilt(v.Deleted), v, time.Now(), e))
}

func (m entryModel) current(row db.CatalogEntry) (event.Message, error) {
	return m.encode.Entry(toEntry(row).Current(m.newID()))
}
