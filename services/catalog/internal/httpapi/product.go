package httpapi

import (
	"context"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/timestamp"
	"github.com/monsplit/monsplit/services/catalog/internal/oapi"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// ProductCopy is the kind of thing that a client waits for when it reads a product. Its id is the product's UUID.
const ProductCopy = "product copy"

// GetProduct implements oapi.StrictServerInterface.
func (a *API) GetProduct(ctx context.Context, r oapi.GetProductRequestObject) (oapi.GetProductResponseObject, error) {
	applied, err := a.fresh.Await(ctx, ProductCopy, r.ProductUUID.String(), r.Params.MinVersion, r.Params.Prefer)
	if err != nil {
		return nil, err
	}
	p, err := a.copies.Get(ctx, r.ProductUUID)
	if err != nil {
		return nil, err
	}
	etag := httpserver.ETag(p.Version)
	if httpserver.NotModified(r.Params.IfNoneMatch, etag) {
		return oapi.GetProduct304Response{Headers: oapi.CopyNotModifiedResponseHeaders{ETag: etag, PreferenceApplied: applied}}, nil
	}
	return oapi.GetProduct200JSONResponse{
		Body: fromProduct(p), Headers: oapi.GetProduct200ResponseHeaders{ETag: etag, PreferenceApplied: applied},
	}, nil
}

func fromProduct(p productcopy.Product) oapi.Product {
	return oapi.Product{
		ProductUUID: p.ID, Name: p.Name, ProductCategory: p.Category, Discontinued: p.Discontinued,
		Version: p.Version, UpdatedAt: timestamp.Of(p.UpdatedAt),
	}
}
