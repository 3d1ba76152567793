package httpapi

import (
	"context"
	"net/http"

	"github.com/oapi-codegen/nullable"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/timestamp"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/oapi"
)

// CreateEntry implements oapi.StrictServerInterface.
func (a *API) CreateEntry(
	ctx context.Context, r oapi.CreateEntryRequestObject,
) (oapi.CreateEntryResponseObject, error) {
	once := httpserver.Once(ctx, http.MethodPost, pathEntries, r.Params.IdempotencyKey, *r.Body)
	e, err := a.entries.Create(ctx, toEntryDraft(*r.Body), once)
	if err != nil {
		return nil, err
	}
	return oapi.CreateEntry201JSONResponse{
		Body: fromEntry(e),
		Headers: oapi.CreateEntry201ResponseHeaders{
			AggregateID: e.ID.String(), AggregateVersion: e.Version,
			ETag: httpserver.ETag(e.Version), Location: pathEntries + "/" + e.ID.String(),
		},
	}, nil
}

// GetEntry implements oapi.StrictServerInterface.
func (a *API) GetEntry(ctx context.Context, r oapi.GetEntryRequestObject) (oapi.GetEntryResponseObject, error) {
	e, err := a.entries.Get(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	etag := httpserver.ETag(e.Version)
	if httpserver.NotModified(r.Params.IfNoneMatch, etag) {
		return oapi.GetEntry304Response{Headers: oapi.NotModifiedResponseHeaders{ETag: etag}}, nil
	}
	return oapi.GetEntry200JSONResponse{
		Body: fromEntry(e), Headers: oapi.GetEntry200ResponseHeaders{ETag: etag},
	}, nil
}

// ReplaceEntry implements oapi.StrictServerInterface.
func (a *API) ReplaceEntry(
	ctx context.Context, r oapi.ReplaceEntryRequestObject,
) (oapi.ReplaceEntryResponseObject, error) {
	e, err := a.entries.Replace(ctx, r.ID, toEntryReplacement(*r.Body), httpserver.IfMatch(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return oapi.ReplaceEntry200JSONResponse{
		Body: fromEntry(e),
		Headers: oapi.ReplaceEntry200ResponseHeaders{
			AggregateID: e.ID.String(), AggregateVersion: e.Version,
			ETag: httpserver.ETag(e.Version),
		},
	}, nil
}

// PatchEntry implements oapi.StrictServerInterface.
func (a *API) PatchEntry(
	ctx context.Context, r oapi.PatchEntryRequestObject,
) (oapi.PatchEntryResponseObject, error) {
	e, err := a.entries.Patch(ctx, r.ID, toEntryPatch(*r.Body), httpserver.IfMatch(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return oapi.PatchEntry200JSONResponse{
		Body: fromEntry(e),
		Headers: oapi.PatchEntry200ResponseHeaders{
			AggregateID: e.ID.String(), AggregateVersion: e.Version,
			ETag: httpserver.ETag(e.Version),
		},
	}, nil
}

// DeleteEntry implements oapi.StrictServerInterface.
func (a *API) DeleteEntry(
	ctx context.Context, r oapi.DeleteEntryRequestObject,
) (oapi.DeleteEntryResponseObject, error) {
	e, err := a.entries.Delete(ctx, r.ID, httpserver.IfMatch(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return oapi.DeleteEntry204Response{Headers: oapi.DeletedResponseHeaders{
		AggregateID: e.ID.String(), AggregateVersion: e.Version,
	}}, nil
}

func toEntryDraft(in oapi.EntryInput) entry.Draft {
	return entry.Draft{
		Product: in.Product, Market: in.Market, Start: toDate(in.AvailabilityDate), End: toDate(in.AvailabilityEndDate),
	}
}

func toEntryReplacement(in oapi.EntryReplacement) entry.Patch {
	return entry.Patch{
		Product: in.Product, Market: in.Market,
		Start: toDatePatch(in.AvailabilityDate), End: toDatePatch(in.AvailabilityEndDate),
	}
}

func toEntryPatch(in oapi.EntryPatch) entry.Patch {
	return entry.Patch{
		Product: in.Product, Market: in.Market,
		Start: toDatePatch(in.AvailabilityDate), End: toDatePatch(in.AvailabilityEndDate),
	}
}

func fromEntry(e entry.Entry) oapi.Entry {
	return oapi.Entry{
		ID: e.ID, Product: e.Product, Market: e.Market,
		AvailabilityDate: fromDate(e.Start), AvailabilityEndDate: fromDate(e.End),
		Version: e.Version, CreatedAt: timestamp.Of(e.CreatedAt), UpdatedAt: timestamp.Of(e.UpdatedAt),
	}
}

func fromDate(d entry.Date) nullable.Nullable[openapi_types.Date] {
	if d.IsZero() {
		return nullable.NewNullNullable[openapi_types.Date]()
	}
	return nullable.NewNullableWithValue(openapi_types.Date{Time: d.Time()})
}

// toDate returns the zero Date for a date that is null or left out.
func toDate(n nullable.Nullable[openapi_types.Date]) entry.Date {
	d, err := n.Get() // an error means that it is null or left out
	if err != nil {
		return entry.Date{}
	}
	return entry.DateOf(d.Time)
}

// toDatePatch distinguishes a date that is null, which removes the date, from a date that is left out, which keeps it.
func toDatePatch(n nullable.Nullable[openapi_types.Date]) *entry.Date {
	if !n.IsSpecified() {
		return nil
	}
	d := toDate(n)
	return &d
}
