package catalog

import (
	"bytes"
	"context"
	"log/slog"
	"strings"

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

func marketModel(markets *market.Service) bulkimport.Model[market.Record] {
	return bulkimport.Model[market.Record]{
		Name:     "markets",
		Columns:  []bulkimport.Column{{Name: "iso_code", Required: true}, {Name: "name", Required: true}},
		Parse:    parseMarket,
		Validate: func(r market.Record) error { return r.Cleaned().Validate() },
		Check:    markets.CheckImport,
		Write: func(ctx context.Context, r market.Record) (bulkimport.Outcome, error) {
			_, outcome, err := markets.Import(ctx, r)
			return map[market.Outcome]bulkimport.Outcome{
				market.ImportedNothing: bulkimport.Unchanged, market.ImportedNew: bulkimport.Created, market.ImportedChange: bulkimport.Updated,
			}[outcome], err
		},
	}
}

func parseMarket(row bulkimport.Row) (market.Record, []apperr.FieldError) {
	r := market.Record{Draft: market.Draft{ISOCode: row.Get("iso_code"), Name: row.Get("name")}}
	if names := row.Get(replaces); names != "" {
		r.Replaces = strings.Split(names, "\n")
	}
	return r, nil
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

// sampleMarkets returns the officially assigned codes of ISO 3166-1 with their English names. A market that exists keeps its
// name, unless it is one that an earlier sample gave it.
func sampleMarkets() (bulkimport.Input, error) {
	columns := marketModel(nil).Columns
	in, err := bulkimport.Read("sample markets", bytes.NewReader(sampledata.Markets), bulkimport.CSV, columns)
	if err != nil {
		return in, err
	}
	former, err := bulkimport.Read("former names of markets", bytes.NewReader(sampledata.FormerMarketNames), bulkimport.CSV, columns)
	if err != nil {
		return in, err
	}
	known, err := former.Rows()
	if err != nil {
		return in, err
	}
	rows, err := in.Rows()
	if err != nil {
		return in, err
	}
	names := map[string][]string{}
	for _, row := range known {
		names[row.Get("iso_code")] = append(names[row.Get("iso_code")], row.Get("name"))
	}
	for i, row := range rows {
		isoCode, name := row.Get("iso_code"), row.Get("name")
		rows[i] = bulkimport.NewRow(row.Line, map[string]string{
			"iso_code": isoCode, "name": name, replaces: strings.Join(append(names[isoCode], name), "\n"),
		})
	}
	return bulkimport.Records(in.Source, rows), nil
}

// replaces has the names that a record of the sample may replace, one a line. No file can have this column.
const replaces = "replaces"
