package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/timestamp"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// CreateProduct implements oapi.StrictServerInterface.
func (a *API) CreateProduct(
	ctx context.Context, r oapi.CreateProductRequestObject,
) (oapi.CreateProductResponseObject, error) {
	once := httpserver.Once(ctx, http.MethodPost, collection, r.Params.IdempotencyKey, *r.Body)
	p, err := a.products.Create(ctx, toDraft(*r.Body), once)
	if err != nil {
		return nil, err
	}
	return oapi.CreateProduct201JSONResponse{
		Body: fromProduct(p),
		Headers: oapi.CreateProduct201ResponseHeaders{
			AggregateID: p.UUID.String(), AggregateVersion: p.Version,
			ETag: httpserver.ETag(p.Version), Location: fmt.Sprintf("%s/%d", collection, p.ID),
		},
	}, nil
}

// GetProduct implements oapi.StrictServerInterface.
func (a *API) GetProduct(ctx context.Context, r oapi.GetProductRequestObject) (oapi.GetProductResponseObject, error) {
	p, err := a.products.Get(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	etag := httpserver.ETag(p.Version)
	if httpserver.NotModified(r.Params.IfNoneMatch, etag) {
		return oapi.GetProduct304Response{Headers: oapi.NotModifiedResponseHeaders{ETag: etag}}, nil
	}
	return oapi.GetProduct200JSONResponse{
		Body: fromProduct(p), Headers: oapi.GetProduct200ResponseHeaders{ETag: etag},
	}, nil
}

// ReplaceProduct implements oapi.StrictServerInterface.
func (a *API) ReplaceProduct(
	ctx context.Context, r oapi.ReplaceProductRequestObject,
) (oapi.ReplaceProductResponseObject, error) {
	p, err := a.products.Replace(ctx, r.ID, toDraft(*r.Body), httpserver.IfMatch(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return oapi.ReplaceProduct200JSONResponse{
		Body: fromProduct(p),
		Headers: oapi.ReplaceProduct200ResponseHeaders{
			AggregateID: p.UUID.String(), AggregateVersion: p.Version,
			ETag: httpserver.ETag(p.Version),
		},
	}, nil
}

// PatchProduct implements oapi.StrictServerInterface.
func (a *API) PatchProduct(
	ctx context.Context, r oapi.PatchProductRequestObject,
) (oapi.PatchProductResponseObject, error) {
	p, err := a.products.Patch(ctx, r.ID, toPatch(*r.Body), httpserver.IfMatch(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return oapi.PatchProduct200JSONResponse{
		Body: fromProduct(p),
		Headers: oapi.PatchProduct200ResponseHeaders{
			AggregateID: p.UUID.String(), AggregateVersion: p.Version,
			ETag: httpserver.ETag(p.Version),
		},
	}, nil
}

// DeleteProduct implements oapi.StrictServerInterface.
func (a *API) DeleteProduct(
	ctx context.Context, r oapi.DeleteProductRequestObject,
) (oapi.DeleteProductResponseObject, error) {
	p, err := a.products.Delete(ctx, r.ID, httpserver.IfMatch(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return oapi.DeleteProduct204Response{Headers: oapi.DeletedResponseHeaders{
		AggregateID: p.UUID.String(), AggregateVersion: p.Version,
	}}, nil
}

// collection is the path where products are created. An Idempotency-Key belongs to it, whether or not the request has a
// trailing slash.
const collection = "/api/v1/product"

func toDraft(in oapi.ProductInput) product.Draft {
	return product.Draft{
		Name: in.Name, Category: in.ProductCategory, Discontinued: in.Discontinued != nil && *in.Discontinued,
	}
}

func toPatch(in oapi.ProductPatch) product.Patch {
	return product.Patch{Name: in.Name, Category: in.ProductCategory, Discontinued: in.Discontinued}
}

func fromProduct(p product.Product) oapi.Product {
	return oapi.Product{
		ID: p.ID, ProductUUID: p.UUID, Name: p.Name, ProductCategory: p.Category, Discontinued: p.Discontinued,
		Version: p.Version, CreatedAt: timestamp.Of(p.CreatedAt), UpdatedAt: timestamp.Of(p.UpdatedAt),
	}
}
