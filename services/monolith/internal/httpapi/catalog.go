package httpapi

import (
	"context"
	"time"

	"github.com/oapi-codegen/nullable"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
)

// GetCatalog implements oapi.StrictServerInterface.
func (a *API) GetCatalog(ctx context.Context, r oapi.GetCatalogRequestObject) (oapi.GetCatalogResponseObject, error) {
	e, err := a.copies.Entry(ctx, r.ID)
	if err != nil {
		return nil, linked(a.changes.Missing(ctx, r.ID, err))
	}
	etag := httpserver.ETag(e.Version)
	if httpserver.NotModified(r.Params.IfNoneMatch, etag) {
		return oapi.GetCatalog304Response{Headers: oapi.NotModifiedResponseHeaders{ETag: etag}}, nil
	}
	return oapi.GetCatalog200JSONResponse{
		Body: fromEntry(e), Headers: oapi.GetCatalog200ResponseHeaders{ETag: etag},
	}, nil
}

func fromEntry(e catalogcopy.Entry) oapi.LegacyEntry {
	return oapi.LegacyEntry{
		ID: e.ID, Product: e.Product, Market: e.Market, AvailabilityDate: fromDay(e.Start),
		AvailabilityEndDate: fromDay(e.End), UpdatedAt: e.UpdatedAt,
	}
}

func fromDay(day *time.Time) nullable.Nullable[openapi_types.Date] {
	if day == nil {
		return nullable.NewNullNullable[openapi_types.Date]()
	}
	return nullable.NewNullableWithValue(openapi_types.Date{Time: *day})
}
