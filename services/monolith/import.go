package monolith

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strconv"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/bulkimport/samplemark"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
	"github.com/monsplit/monsplit/services/monolith/sampledata"
)

// OpenImport opens the monolith's database for imports. The caller closes it.
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
	products, _ := services(storage, newID)
	return bulkimport.Target{Importers: []bulkimport.Importer{productModel(products).Importer(sampleProducts, generateProducts)}, Marks: samplemark.In(pool), Close: pool.Close}, nil
}

func productModel(products *product.Service) bulkimport.Model[product.Record] {
	return bulkimport.Model[product.Record]{
		Name: "products",
		Columns: []bulkimport.Column{
			{Name: "product_uuid"}, {Name: "name", Required: true}, {Name: "product_category", Required: true}, {Name: "discontinued", Kind: bulkimport.Boolean},
		},
		Parse:    parseProduct,
		Validate: func(r product.Record) error { return r.Cleaned().Validate() },
		Check:    products.CheckImport,
		Write: func(ctx context.Context, r product.Record) (bulkimport.Outcome, error) {
			_, outcome, err := products.Import(ctx, r)
			return outcomes()[outcome], err
		},
	}
}

func outcomes() map[product.Outcome]bulkimport.Outcome {
	return map[product.Outcome]bulkimport.Outcome{
		product.ImportedNothing: bulkimport.Unchanged, product.ImportedNew: bulkimport.Created, product.ImportedChange: bulkimport.Updated,
	}
}

func parseProduct(row bulkimport.Row) (product.Record, []apperr.FieldError) {
	r := product.Record{Draft: product.Draft{Name: row.Get("name"), Category: row.Get("product_category")}}
	var faults []apperr.FieldError
	if text := row.Get("product_uuid"); text != "" {
		id, err := uuid.Parse(text)
		if err != nil || len(text) != len(id.String()) {
			faults = append(faults, apperr.FieldError{Pointer: "/product_uuid", Detail: "is not a UUID"})
		}
		r.UUID = id
	}
	if text := row.Get("discontinued"); text != "" {
		discontinued, err := strconv.ParseBool(text)
		if err != nil {
			faults = append(faults, apperr.FieldError{Pointer: "/discontinued", Detail: "is neither true nor false"})
		}
		r.Discontinued = discontinued
	}
	return r, faults
}

func sampleProducts() (bulkimport.Input, error) {
	return bulkimport.Read("sample products", bytes.NewReader(sampledata.Products), bulkimport.CSV, productModel(nil).Columns)
}

// generatedCategories is the number of categories of the generated products.
const generatedCategories = 50

// generateProducts generates products. The n-th product is the same each time, including its id.
func generateProducts(n int) iter.Seq[bulkimport.Row] {
	space := uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/monsplit/monsplit/generated"))
	return func(yield func(bulkimport.Row) bool) {
		for i := 1; i <= n; i++ {
			row := bulkimport.NewRow(i, map[string]string{
				"product_uuid":     uuid.NewSHA1(space, []byte(strconv.Itoa(i))).String(),
				"name":             fmt.Sprintf("Product %07d", i),
				"product_category": fmt.Sprintf("Generated %02d", i%generatedCategories),
			})
			if !yield(row) {
				return
			}
		}
	}
}
