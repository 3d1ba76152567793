package catalog

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/biter777/countries"
	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/bulkimport/samplemark"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/sampledata"
)

// OpenImport opens the catalog's database for imports. The caller closes it.
func OpenImport(ctx context.Context, cfg Config) (bulkimport.Target, error) {
	settings := cfg.Database.Direct(name + " import")
	settings.MaxConns = cfg.Database.MaxConns
	pool, err := postgres.Open(ctx, settings)
	if err != nil {
		return bulkimport.Target{}, err
	}
	// No relay is woken: the relay of a running instance finds the events with its sweep. Nothing is logged: the import
	// ends with the error.
	storage, err := newStore(pool, cfg, slog.New(slog.DiscardHandler), func() {})
	if err != nil {
		pool.Close()
		return bulkimport.Target{}, err
	}
	entries, markets, _ := services(storage, newID)
	return bulkimport.Target{Importers: []bulkimport.Importer{
		marketModel(markets).Importer(sampleMarkets, nil),
		entryModel(entries).Importer(sampleEntries, nil),
	}, Marks: samplemark.In(pool), Close: pool.Close}, nil
}

func marketModel(markets *market.Service) bulkimport.Model[market.Draft] {
	return bulkimport.Model[market.Draft]{
		Name:    "markets",
		Columns: []bulkimport.Column{{Name: "iso_code", Required: true}, {Name: "name", Required: true}},
		Parse: func(row bulkimport.Row) (market.Draft, []apperr.FieldError) {
			return market.Draft{ISOCode: row.Get("iso_code"), Name: row.Get("name")}, nil
		},
		Validate: func(d market.Draft) error { return d.Trimmed().Validate() },
		Check:    markets.CheckImport,
		Write: func(ctx context.Context, d market.Draft) (bulkimport.Outcome, error) {
			_, outcome, err := markets.Import(ctx, d)
			return map[market.Outcome]bulkimport.Outcome{
				market.ImportedNothing: bulkimport.Unchanged, market.ImportedNew: bulkimport.Created, market.ImportedChange: bulkimport.Updated,
			}[outcome], err
		},
	}
}

func entryModel(entries *entry.Service) bulkimport.Model[entry.Draft] {
	return bulkimport.Model[entry.Draft]{
		Name: "entries",
		Columns: []bulkimport.Column{
			{Name: "product", Required: true}, {Name: "market", Required: true}, {Name: "availability_date"}, {Name: "availability_end_date"},
		},
		Parse:    parseEntry,
		Validate: entry.Draft.Validate,
		Check:    entries.CheckImport,
		Write: func(ctx context.Context, d entry.Draft) (bulkimport.Outcome, error) {
			_, outcome, err := entries.Import(ctx, d)
			return map[entry.Outcome]bulkimport.Outcome{
				entry.ImportedNothing: bulkimport.Unchanged, entry.ImportedNew: bulkimport.Created, entry.ImportedChange: bulkimport.Updated,
			}[outcome], err
		},
	}
}

func parseEntry(row bulkimport.Row) (entry.Draft, []apperr.FieldError) {
	d := entry.Draft{Market: row.Get("market")}
	var faults []apperr.FieldError
	id, err := uuid.Parse(row.Get("product"))
	if err != nil || len(row.Get("product")) != len(id.String()) {
		faults = append(faults, apperr.FieldError{Pointer: "/product", Detail: "is not a UUID"})
	}
	d.Product = id
	for column, date := range map[string]*entry.Date{"availability_date": &d.Start, "availability_end_date": &d.End} {
		if text := row.Get(column); text != "" {
			if *date, err = entry.ParseDate(text); err != nil {
				faults = append(faults, apperr.FieldError{Pointer: "/" + column, Detail: err.Error()})
			}
		}
	}
	return d, faults
}

func sampleEntries() (bulkimport.Input, error) {
	return bulkimport.Read("sample entries", bytes.NewReader(sampledata.Entries), bulkimport.CSV, entryModel(nil).Columns)
}

// sampleMarkets returns the officially assigned codes of ISO 3166-1 with their English names. The library also lists two
// states that no longer exist (AN, YU) and a code that users may assign (XK).
func sampleMarkets() (bulkimport.Input, error) {
	var rows []bulkimport.Row
	for _, c := range countries.All() {
		if code := c.Alpha2(); !slices.Contains([]string{"AN", "YU", "XK"}, code) {
			rows = append(rows, bulkimport.NewRow(len(rows)+1, map[string]string{"iso_code": code, "name": c.String()}))
		}
	}
	const assigned = 249
	if len(rows) != assigned {
		return bulkimport.Input{}, fmt.Errorf("the library lists %d countries, ISO 3166-1 has %d", len(rows), assigned)
	}
	return bulkimport.Records("sample markets", rows), nil
}
