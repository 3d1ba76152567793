package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/store/db"
)

// EventTx is the consumer's transaction. It changes copies and finishes requests, and cannot append events.
type EventTx struct {
	tx       pgx.Tx
	q        *db.Queries
	finished []request.Finished
	copied   bool
}

var (
	_ catalogcopy.Tx          = (*EventTx)(nil)
	_ catalogchange.OutcomeTx = (*EventTx)(nil)
)

// Bind returns the storage in the consumer's transaction.
func Bind(tx pgx.Tx) *EventTx { return &EventTx{tx: tx, q: db.New(tx)} }

// Copied reports whether this transaction has changed copies.
func (t *EventTx) Copied() bool { return t.copied }

// AddMarkets implements catalogcopy.Tx.
func (t *EventTx) AddMarkets(ctx context.Context, codes []string) error {
	if len(codes) == 0 {
		return nil
	}
	if err := t.q.AddMarkets(ctx, codes); err != nil {
		return fmt.Errorf("add market copies: %w", err)
	}
	if err := t.q.AddMarketIDs(ctx, codes); err != nil {
		return fmt.Errorf("number markets: %w", err)
	}
	return nil
}

// LockMarkets implements catalogcopy.Tx.
func (t *EventTx) LockMarkets(ctx context.Context, codes []string) ([]catalogcopy.MarketRow, error) {
	rows, err := t.q.LockMarkets(ctx, codes)
	if err != nil {
		return nil, fmt.Errorf("lock market copies: %w", err)
	}
	list := make([]catalogcopy.MarketRow, len(rows))
	for i, row := range rows {
		list[i] = toMarketRow(row)
	}
	return list, nil
}

// SaveMarkets implements catalogcopy.Tx.
func (t *EventTx) SaveMarkets(ctx context.Context, rows []catalogcopy.MarketRow) error {
	if len(rows) == 0 {
		return nil
	}
	t.copied = true
	var arg db.SaveMarketsParams
	for _, row := range rows {
		arg.Codes = append(arg.Codes, row.ISOCode)
		arg.Versions = append(arg.Versions, row.Version)
		arg.Deleted = append(arg.Deleted, row.Deleted)
		arg.Names = append(arg.Names, row.Name)
		arg.UpdatedAts = append(arg.UpdatedAts, row.UpdatedAt)
		arg.Digests = append(arg.Digests, []byte(row.Digest))
	}
	if err := t.q.SaveMarkets(ctx, arg); err != nil {
		return fmt.Errorf("save market copies: %w", err)
	}
	return nil
}

// AddEntries implements catalogcopy.Tx.
func (t *EventTx) AddEntries(ctx context.Context, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	if err := t.q.AddEntries(ctx, ids); err != nil {
		return fmt.Errorf("add entry copies: %w", err)
	}
	if err := t.q.AddEntryIDs(ctx, ids); err != nil {
		return fmt.Errorf("number entries: %w", err)
	}
	return nil
}

// LockEntries implements catalogcopy.Tx.
func (t *EventTx) LockEntries(ctx context.Context, ids []uuid.UUID) ([]catalogcopy.EntryRow, error) {
	rows, err := t.q.LockEntries(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("lock entry copies: %w", err)
	}
	list := make([]catalogcopy.EntryRow, len(rows))
	for i, row := range rows {
		list[i] = toEntryRow(row)
	}
	return list, nil
}

// SaveEntries implements catalogcopy.Tx.
func (t *EventTx) SaveEntries(ctx context.Context, rows []catalogcopy.EntryRow) error {
	if len(rows) == 0 {
		return nil
	}
	t.copied = true
	var arg db.SaveEntriesParams
	for _, row := range rows {
		arg.Ids = append(arg.Ids, row.ID)
		arg.Versions = append(arg.Versions, row.Version)
		arg.Deleted = append(arg.Deleted, row.Deleted)
		arg.ProductUuids = append(arg.ProductUuids, row.Product)
		arg.Markets = append(arg.Markets, row.Market)
		arg.Starts = append(arg.Starts, dayText(row.Start))
		arg.Ends = append(arg.Ends, dayText(row.End))
		arg.UpdatedAts = append(arg.UpdatedAts, row.UpdatedAt)
		arg.Digests = append(arg.Digests, []byte(row.Digest))
	}
	if err := t.q.SaveEntries(ctx, arg); err != nil {
		return fmt.Errorf("save entry copies: %w", err)
	}
	return nil
}

func toMarketRow(row db.MarketCopy) catalogcopy.MarketRow {
	return catalogcopy.MarketRow{
		ISOCode: row.ISOCode, Row: copyrow.Row{Version: row.Version, Deleted: row.Deleted, Digest: copyrow.Digest(row.Digest)},
		MarketData: catalogcopy.MarketData{Name: orZero(row.Name), UpdatedAt: orZero(row.UpdatedAt).UTC()},
	}
}

func toEntryRow(row db.CatalogEntryCopy) catalogcopy.EntryRow {
	return catalogcopy.EntryRow{
		ID: row.ID, Row: copyrow.Row{Version: row.Version, Deleted: row.Deleted, Digest: copyrow.Digest(row.Digest)},
		EntryData: catalogcopy.EntryData{
			Product: orZero(row.ProductUUID), Market: orZero(row.Market), Start: row.AvailabilityDate,
			End: row.AvailabilityEndDate, UpdatedAt: orZero(row.UpdatedAt).UTC(),
		},
	}
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func dayText(day *time.Time) string {
	if day == nil {
		return ""
	}
	return day.Format(time.DateOnly)
}
