package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/store/db"
)

// entryTx is one transaction that changes entries.
type entryTx struct{ *ownTx }

func (t entryTx) Recall(ctx context.Context, once condition.Once) (first entry.Entry, found bool, err error) {
	found, err = t.keys.Recall(ctx, t.tx, once.ID, once.Fingerprint, &first)
	return first, found, err
}

func (t entryTx) Remember(ctx context.Context, once condition.Once, e entry.Entry) error {
	return t.keys.Remember(ctx, t.tx, once.ID, once.Fingerprint, e)
}

func (t entryTx) ShareProduct(ctx context.Context, id uuid.UUID) (entry.Product, error) {
	discontinued, err := t.q.ShareProduct(ctx, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return entry.Product{}, nil
	case err != nil:
		return entry.Product{}, fmt.Errorf("share product %s: %w", id, err)
	}
	return entry.Product{Known: true, Discontinued: orZero(discontinued)}, nil
}

func (t entryTx) ShareMarket(ctx context.Context, isoCode string) (bool, error) {
	_, err := t.q.ShareMarket(ctx, isoCode)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("share market %s: %w", isoCode, err)
	}
	return true, nil
}

func (t entryTx) Entry(ctx context.Context, id uuid.UUID) (entry.Entry, error) {
	row, err := t.q.GetEntry(ctx, id)
	if err != nil {
		return entry.Entry{}, noEntry(err, id)
	}
	return toEntry(row), nil
}

func (t entryTx) LockEntry(ctx context.Context, id uuid.UUID) (entry.Entry, error) {
	row, err := t.q.LockEntry(ctx, id)
	if err != nil {
		return entry.Entry{}, noEntry(err, id)
	}
	return t.locked(row), nil
}

func (t entryTx) LockEntryAt(ctx context.Context, place entry.Place) (entry.Entry, bool, error) {
	row, err := t.q.LockEntryAt(ctx, place.Market, place.Product)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return entry.Entry{}, false, nil
	case err != nil:
		return entry.Entry{}, false, fmt.Errorf("lock the entry of product %s in %s: %w", place.Product, place.Market, err)
	}
	return t.locked(row), true, nil
}

func (t entryTx) LockEntriesOf(ctx context.Context, products []uuid.UUID) ([]entry.Entry, error) {
	rows, err := t.q.LockEntriesOf(ctx, products)
	if err != nil {
		return nil, fmt.Errorf("lock the entries of products: %w", err)
	}
	list := make([]entry.Entry, len(rows))
	for i, row := range rows {
		list[i] = t.locked(row)
	}
	return list, nil
}

// locked returns an entry that was locked, and notes it for the history.
func (t entryTx) locked(row db.CatalogEntry) entry.Entry {
	e := toEntry(row)
	t.history.Seen(entryObject(e), entryState(e))
	return e
}

func (t entryTx) InsertEntry(ctx context.Context, e entry.Entry) error {
	if err := t.q.InsertEntry(ctx, insertEntryParams(e)); err != nil {
		// The consumer needs the business error here: it may go on with the transaction from a savepoint.
		return translate(fmt.Errorf("insert catalog entry: %w", err))
	}
	return nil
}

func insertEntryParams(e entry.Entry) db.InsertEntryParams {
	return db.InsertEntryParams{
		ID: e.ID, ProductUUID: e.Product, Market: e.Market,
		AvailabilityDate: fromDate(e.Start), AvailabilityEndDate: fromDate(e.End),
		Deleted: e.Deleted, Version: e.Version, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}
}

func (t entryTx) SaveEntries(ctx context.Context, entries ...entry.Entry) error {
	if len(entries) == 1 {
		return t.saveEntry(ctx, entries[0])
	}
	var arg db.UpdateEntriesParams
	for _, e := range entries {
		arg.Ids = append(arg.Ids, e.ID)
		arg.Starts = append(arg.Starts, e.Start.String())
		arg.Ends = append(arg.Ends, e.End.String())
		arg.Deleted = append(arg.Deleted, e.Deleted)
		arg.Versions = append(arg.Versions, e.Version)
		arg.UpdatedAts = append(arg.UpdatedAts, e.UpdatedAt)
	}
	if err := t.q.UpdateEntries(ctx, arg); err != nil {
		return fmt.Errorf("save catalog entries: %w", err)
	}
	return nil
}

func (t entryTx) saveEntry(ctx context.Context, e entry.Entry) error {
	err := t.q.UpdateEntry(ctx, db.UpdateEntryParams{
		ID: e.ID, AvailabilityDate: fromDate(e.Start), AvailabilityEndDate: fromDate(e.End),
		Deleted: e.Deleted, Version: e.Version, UpdatedAt: e.UpdatedAt,
	})
	if err != nil {
		return fmt.Errorf("save catalog entry %s: %w", e.ID, err)
	}
	return nil
}

func (t entryTx) Append(ctx context.Context, events ...entry.Event) error {
	changes := make([]history.Change, len(events))
	for i, e := range events {
		m, err := t.encode.Entry(e)
		if err != nil {
			return err
		}
		changes[i] = entryChange(string(e.Kind), e.Entry, e.Time, m)
	}
	return t.change(ctx, changes...)
}
