package httpapi

import (
	"context"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/catalog/internal/oapi"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// GetProduct implements oapi.StrictServerInterface.
func (a *API) GetProduct(ctx context.Context, r oapi.GetProductRequestObject) (oapi.GetProductResponseObject, error) {
	p, err := a.copies.Get(ctx, r.ProductUUID)
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

func fromProduct(p productcopy.Product) oapi.Product {
	return oapi.Product{
		ProductUUID: p.ID, Name: p.Name, ProductCategory: p.Category, Discontinued: p.Discontinued,
		Version: p.Version, UpdatedAt: p.UpdatedAt,
	}
}
