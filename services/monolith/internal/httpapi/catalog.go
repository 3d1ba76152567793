package httpapi

import (
	"context"
	"time"

	"github.com/oapi-codegen/nullable"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/timestamp"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
)

// GetCatalog implements oapi.StrictServerInterface.
func (a *API) GetCatalog(ctx context.Context, r oapi.GetCatalogRequestObject) (oapi.GetCatalogResponseObject, error) {
	applied, err := a.awaitEntry(ctx, r.ID, r.Params)
	if err != nil {
		return nil, err
	}
	e, err := a.copies.Entry(ctx, r.ID)
	if err != nil {
		return nil, linked(a.changes.Missing(ctx, r.ID, err))
	}
	etag := httpserver.ETag(e.Version)
	if httpserver.NotModified(r.Params.IfNoneMatch, etag) {
		return oapi.GetCatalog304Response{Headers: oapi.CopyNotModifiedResponseHeaders{ETag: etag, PreferenceApplied: applied}}, nil
	}
	return oapi.GetCatalog200JSONResponse{
		Body: fromEntry(e), Headers: oapi.GetCatalog200ResponseHeaders{ETag: etag, PreferenceApplied: applied},
	}, nil
}

// awaitEntry returns when the copy has the version that the client wants to read. An integer that was never given to an entry
// is not found at once: only this service gives integers to entries.
func (a *API) awaitEntry(ctx context.Context, id int64, params oapi.GetCatalogParams) (applied *string, err error) {
	if params.MinVersion == nil {
		return nil, nil
	}
	owner, err := a.copies.OwnerID(ctx, id)
	if err != nil {
		return nil, err
	}
	applied, err = a.fresh.Await(ctx, catalogchange.KindCopy, owner.String(), params.MinVersion, params.Prefer)
	if apperr.KindOf(err) == apperr.NotYet && a.changes.IsRefused(ctx, id) {
		return nil, nil // the entry never comes, and the read that follows says why
	}
	return applied, err
}

func fromEntry(e catalogcopy.Entry) oapi.LegacyEntry {
	return oapi.LegacyEntry{
		ID: e.ID, Product: e.Product, Market: e.Market, AvailabilityDate: fromDay(e.Start),
		AvailabilityEndDate: fromDay(e.End), UpdatedAt: timestamp.Of(e.UpdatedAt),
	}
}

func fromDay(day *time.Time) nullable.Nullable[openapi_types.Date] {
	if day == nil {
		return nullable.NewNullNullable[openapi_types.Date]()
	}
	return nullable.NewNullableWithValue(openapi_types.Date{Time: *day})
}
