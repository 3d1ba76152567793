// Package consume turns the catalog service's events into calls of the business code that keeps the copies. Its types have
// only those members of an event that are used here, so that the owner can add members freely.
package consume

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// The topics that the monolith reads.
const (
	TopicCatalogEntry = "monsplit.catalog-entry.v1"
	TopicMarket       = "monsplit.market.v1"
)

// The types of event that have an effect here. Other types are ignored.
const (
	typeEntryCreated  = "monsplit.catalog-entry.created.v1"
	typeEntryUpdated  = "monsplit.catalog-entry.updated.v1"
	typeEntryDeleted  = "monsplit.catalog-entry.deleted.v1"
	typeMarketCreated = "monsplit.market.created.v1"
	typeMarketUpdated = "monsplit.market.updated.v1"
	typeMarketDeleted = "monsplit.market.deleted.v1"
)

// marketData has the members of a market's event that are used here.
type marketData struct {
	Name      string    `json:"name"`
	UpdatedAt time.Time `json:"updated_at"`
}

// entryData has the members of a catalog entry's event that are used here.
type entryData struct {
	Product             uuid.UUID `json:"product"`
	Market              string    `json:"market"`
	AvailabilityDate    *string   `json:"availability_date"`
	AvailabilityEndDate *string   `json:"availability_end_date"`
	UpdatedAt           time.Time `json:"updated_at"`
}

// Markets applies events of TopicMarket.
func Markets[T catalogcopy.Tx](ctx context.Context, tx T, events []consumer.Event) error {
	changes := make([]catalogcopy.MarketChange, 0, len(events))
	for _, e := range events {
		c := catalogcopy.MarketChange{ISOCode: e.Key, Change: toChange(e)}
		switch {
		case e.Purge:
		case e.Type == typeMarketDeleted:
			c.Deleted, c.Digest = true, copyrow.Of(e.Version, nil)
		case e.Type == typeMarketCreated, e.Type == typeMarketUpdated:
			var err error
			if c.MarketData, err = toMarketData(e); err != nil {
				return err
			}
			c.Digest = copyrow.Of(e.Version, c.MarketData)
		default:
			e.UnknownType()
			continue
		}
		changes = append(changes, c)
	}
	return catalogcopy.ApplyMarkets(ctx, tx, changes)
}

// Entries applies events of TopicCatalogEntry.
func Entries[T catalogcopy.Tx](ctx context.Context, tx T, events []consumer.Event) error {
	changes := make([]catalogcopy.EntryChange, 0, len(events))
	for _, e := range events {
		id, err := uuid.Parse(e.Key)
		if err != nil || id.String() != e.Key {
			return consumer.Poison(fmt.Sprintf("the key %q is not a UUID in its usual form", e.Key))
		}
		c := catalogcopy.EntryChange{ID: id, Change: toChange(e)}
		switch {
		case e.Purge:
		case e.Type == typeEntryDeleted:
			c.Deleted, c.Digest = true, copyrow.Of(e.Version, nil)
		case e.Type == typeEntryCreated, e.Type == typeEntryUpdated:
			if c.EntryData, err = toEntryData(e); err != nil {
				return err
			}
			c.Digest = copyrow.Of(e.Version, c.EntryData)
		default:
			e.UnknownType()
			continue
		}
		changes = append(changes, c)
	}
	return catalogcopy.ApplyEntries(ctx, tx, changes)
}

// MarketVersion returns the version of the copy of the market with this key, 0 if there is no copy.
func MarketVersion[T catalogcopy.Tx](ctx context.Context, tx T, key string) (int64, error) {
	rows, err := tx.LockMarkets(ctx, []string{key})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return rows[0].Version, nil
}

// EntryVersion returns the version of the copy of the entry with this key, 0 if there is no copy.
func EntryVersion[T catalogcopy.Tx](ctx context.Context, tx T, key string) (int64, error) {
	id, err := uuid.Parse(key)
	if err != nil {
		return 0, consumer.Poison(fmt.Sprintf("the key %q is not a UUID", key))
	}
	rows, err := tx.LockEntries(ctx, []uuid.UUID{id})
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return rows[0].Version, nil
}

func toChange(e consumer.Event) copyrow.Change {
	return copyrow.Change{Version: e.Version, Time: e.Time, Purged: e.Purge, SameVersion: e.SameVersion}
}

func toMarketData(e consumer.Event) (catalogcopy.MarketData, error) {
	data, err := consumer.Data[marketData](e)
	switch {
	case err != nil:
		return catalogcopy.MarketData{}, err
	case data.Name == "":
		return catalogcopy.MarketData{}, missing("name")
	case data.UpdatedAt.IsZero():
		return catalogcopy.MarketData{}, missing("updated_at")
	}
	return catalogcopy.MarketData{Name: data.Name, UpdatedAt: data.UpdatedAt.UTC().Truncate(time.Microsecond)}, nil
}

func toEntryData(e consumer.Event) (catalogcopy.EntryData, error) {
	data, err := consumer.Data[entryData](e)
	switch {
	case err != nil:
		return catalogcopy.EntryData{}, err
	case data.Product == uuid.Nil:
		return catalogcopy.EntryData{}, missing("product")
	case data.Market == "":
		return catalogcopy.EntryData{}, missing("market")
	case data.UpdatedAt.IsZero():
		return catalogcopy.EntryData{}, missing("updated_at")
	}
	entry := catalogcopy.EntryData{Product: data.Product, Market: data.Market, UpdatedAt: data.UpdatedAt.UTC().Truncate(time.Microsecond)}
	if entry.Start, err = toDay("availability_date", data.AvailabilityDate); err != nil {
		return catalogcopy.EntryData{}, err
	}
	if entry.End, err = toDay("availability_end_date", data.AvailabilityEndDate); err != nil {
		return catalogcopy.EntryData{}, err
	}
	return entry, nil
}

func toDay(member string, text *string) (*time.Time, error) {
	if text == nil {
		return nil, nil
	}
	day, err := time.Parse(time.DateOnly, *text)
	if err != nil {
		return nil, consumer.Poison(fmt.Sprintf("data: %s is %q, which is not a date", member, *text))
	}
	return &day, nil
}

func missing(member string) error { return consumer.Poison("data: " + member + " is missing") }
