package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
	"github.com/monsplit/monsplit/services/catalog/internal/store/db"
)

// Product implements productcopy.Store.
func (s *Store) Product(ctx context.Context, id uuid.UUID) (productcopy.Product, error) {
	row, err := s.q.GetProduct(ctx, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return productcopy.Product{}, productcopy.NotFound(id)
	case err != nil:
		return productcopy.Product{}, translate(fmt.Errorf("read product %s: %w", id, err))
	}
	return toProduct(row), nil
}

func toProduct(row db.ProductCopy) productcopy.Product {
	return productcopy.Product{
		ID: row.ID, Name: orZero(row.Name), Category: orZero(row.ProductCategory), Discontinued: orZero(row.Discontinued),
		Version: row.Version, UpdatedAt: orZero(row.UpdatedAt).UTC(),
	}
}

// Versions implements productcopy.Store.
func (s *Store) Versions(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	versions, err := productVersions(ctx, s.q, ids)
	return versions, translate(err)
}

// ProductVersions returns the version of the copy of each product, also of those that were deleted.
func (t Tx) ProductVersions(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	return productVersions(ctx, t.own.q, ids)
}

func productVersions(ctx context.Context, q *db.Queries, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	rows, err := q.ProductVersions(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read the versions of product copies: %w", err)
	}
	versions := make(map[uuid.UUID]int64, len(rows))
	for _, row := range rows {
		versions[row.ID] = row.Version
	}
	return versions, nil
}

// LockProducts implements productcopy.Tx.
func (t Tx) LockProducts(ctx context.Context, ids []uuid.UUID) ([]productcopy.ProductRow, error) {
	rows, err := t.own.q.LockProducts(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("lock product copies: %w", err)
	}
	list := make([]productcopy.ProductRow, len(rows))
	for i, row := range rows {
		list[i] = toProductRow(row)
	}
	return list, nil
}

// SaveProducts implements productcopy.Tx.
func (t Tx) SaveProducts(ctx context.Context, rows []productcopy.ProductRow) error {
	if len(rows) == 0 {
		return nil
	}
	var arg db.SaveProductsParams
	for _, row := range rows {
		arg.Ids = append(arg.Ids, row.ID)
		arg.Versions = append(arg.Versions, row.Version)
		arg.Deleted = append(arg.Deleted, row.Deleted)
		arg.Names = append(arg.Names, row.Name)
		arg.Categories = append(arg.Categories, row.Category)
		arg.Discontinued = append(arg.Discontinued, row.Discontinued)
		arg.UpdatedAts = append(arg.UpdatedAts, row.UpdatedAt)
		arg.Digests = append(arg.Digests, []byte(row.Digest))
	}
	saved, err := t.own.q.SaveProducts(ctx, arg)
	if err != nil {
		return fmt.Errorf("save product copies: %w", err)
	}
	if saved < int64(len(rows)) {
		return errors.New("save product copies: another transaction has added a newer row in the meantime, which must be read first")
	}
	return nil
}

func toProductRow(row db.ProductCopy) productcopy.ProductRow {
	return productcopy.ProductRow{
		ID: row.ID, Row: copyrow.Row{Version: row.Version, Deleted: row.Deleted, Digest: copyrow.Digest(row.Digest)},
		ProductData: productcopy.ProductData{
			Name: orZero(row.Name), Category: orZero(row.ProductCategory), Discontinued: orZero(row.Discontinued),
			UpdatedAt: orZero(row.UpdatedAt).UTC(),
		},
	}
}

// ProductsByID implements productcopy.Store.
func (s *Store) ProductsByID(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]productcopy.Product, error) {
	rows, err := s.q.ProductsByID(ctx, ids)
	if err != nil {
		return nil, translate(fmt.Errorf("read products: %w", err))
	}
	products := make(map[uuid.UUID]productcopy.Product, len(rows))
	for _, row := range rows {
		products[row.ID] = toProduct(row)
	}
	return products, nil
}

// Categories implements productcopy.Store.
func (s *Store) Categories(ctx context.Context, most int) ([]string, error) {
	categories, err := s.q.Categories(ctx, int32(most))
	if err != nil {
		return nil, translate(fmt.Errorf("read categories: %w", err))
	}
	return categories, nil
}
