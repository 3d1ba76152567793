package httpapi

import (
	"context"
	"fmt"
	"net/http"

	"github.com/oapi-codegen/nullable"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/timestamp"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
)

// catalogPath is the path of the catalog's entries. An Idempotency-Key belongs to it and the entry.
const catalogPath = "/api/v1/catalog"

func entryPath(id int64) string { return fmt.Sprintf("%s/%d", catalogPath, id) }

// CreateCatalog implements oapi.StrictServerInterface.
func (a *API) CreateCatalog(
	ctx context.Context, r oapi.CreateCatalogRequestObject,
) (oapi.CreateCatalogResponseObject, error) {
	once := httpserver.Once(ctx, http.MethodPost, catalogPath, r.Params.IdempotencyKey, *r.Body)
	sent, err := a.changes.Create(ctx, inputToDraft(*r.Body), once)
	o, err := a.outcome(ctx, catalogchange.Create, r.Params.Prefer, sent, err)
	if err != nil {
		return nil, err
	}
	if o.State == catalogchange.Pending {
		return oapi.CreateCatalog202JSONResponse{ChangeRequestedJSONResponse: o.requested()}, nil
	}
	return oapi.CreateCatalog201JSONResponse{Body: fromEntry(o.Result), Headers: oapi.CreateCatalog201ResponseHeaders{
		AggregateID: o.Entry.String(), AggregateVersion: o.Outcome.Version, ETag: httpserver.ETag(o.Result.Version),
		Location: entryPath(o.Result.ID),
	}}, nil
}

// ReplaceCatalog implements oapi.StrictServerInterface.
func (a *API) ReplaceCatalog(
	ctx context.Context, r oapi.ReplaceCatalogRequestObject,
) (oapi.ReplaceCatalogResponseObject, error) {
	once := httpserver.Once(ctx, http.MethodPut, entryPath(r.ID), r.Params.IdempotencyKey, *r.Body)
	sent, err := a.changes.Replace(ctx, r.ID, replacementToDraft(*r.Body), httpserver.IfMatch(r.Params.IfMatch), once)
	o, err := a.outcome(ctx, catalogchange.Replace, r.Params.Prefer, sent, err)
	if err != nil {
		return nil, err
	}
	if o.State == catalogchange.Pending {
		return oapi.ReplaceCatalog202JSONResponse{ChangeRequestedJSONResponse: o.requested()}, nil
	}
	return oapi.ReplaceCatalog200JSONResponse{Body: fromEntry(o.Result), Headers: oapi.ReplaceCatalog200ResponseHeaders{
		AggregateID: o.Entry.String(), AggregateVersion: o.Outcome.Version, ETag: httpserver.ETag(o.Result.Version),
	}}, nil
}

// PatchCatalog implements oapi.StrictServerInterface.
func (a *API) PatchCatalog(
	ctx context.Context, r oapi.PatchCatalogRequestObject,
) (oapi.PatchCatalogResponseObject, error) {
	once := httpserver.Once(ctx, http.MethodPatch, entryPath(r.ID), r.Params.IdempotencyKey, *r.Body)
	sent, err := a.changes.Patch(ctx, r.ID, patchToDraft(*r.Body), httpserver.IfMatch(r.Params.IfMatch), once)
	o, err := a.outcome(ctx, catalogchange.Patch, r.Params.Prefer, sent, err)
	if err != nil {
		return nil, err
	}
	if o.State == catalogchange.Pending {
		return oapi.PatchCatalog202JSONResponse{ChangeRequestedJSONResponse: o.requested()}, nil
	}
	return oapi.PatchCatalog200JSONResponse{Body: fromEntry(o.Result), Headers: oapi.PatchCatalog200ResponseHeaders{
		AggregateID: o.Entry.String(), AggregateVersion: o.Outcome.Version, ETag: httpserver.ETag(o.Result.Version),
	}}, nil
}

// DeleteCatalog implements oapi.StrictServerInterface.
func (a *API) DeleteCatalog(
	ctx context.Context, r oapi.DeleteCatalogRequestObject,
) (oapi.DeleteCatalogResponseObject, error) {
	once := httpserver.Once(ctx, http.MethodDelete, entryPath(r.ID), r.Params.IdempotencyKey, nil)
	sent, err := a.changes.Delete(ctx, r.ID, httpserver.IfMatch(r.Params.IfMatch), once)
	o, err := a.outcome(ctx, catalogchange.Delete, r.Params.Prefer, sent, err)
	if err != nil {
		return nil, err
	}
	if o.State == catalogchange.Pending {
		return oapi.DeleteCatalog202Response{Headers: oapi.DeletionRequestedResponseHeaders(o.requested().Headers)}, nil
	}
	return oapi.DeleteCatalog204Response{Headers: oapi.DeleteCatalog204ResponseHeaders{
		AggregateID: o.Entry.String(), AggregateVersion: o.Outcome.Version,
	}}, nil
}

// GetCatalogChange implements oapi.StrictServerInterface.
func (a *API) GetCatalogChange(
	ctx context.Context, r oapi.GetCatalogChangeRequestObject,
) (oapi.GetCatalogChangeResponseObject, error) {
	answer, err := a.changes.Get(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	res := oapi.GetCatalogChange200JSONResponse{Body: fromAnswer(answer)}
	if answer.State == catalogchange.Pending {
		res.Headers.RetryAfter = new(retryAfter)
	}
	return res, nil
}

func inputToDraft(in oapi.LegacyEntryInput) catalogchange.Draft {
	return catalogchange.Draft{
		Product: in.Product, Market: in.Market, Start: toDate(in.AvailabilityDate), End: toDate(in.AvailabilityEndDate),
	}
}

func replacementToDraft(in oapi.LegacyEntryReplacement) catalogchange.Draft {
	return catalogchange.Draft{
		Product: orZero(in.Product), Market: orZero(in.Market),
		Start: toDate(in.AvailabilityDate), End: toDate(in.AvailabilityEndDate),
	}
}

func patchToDraft(in oapi.LegacyEntryPatch) catalogchange.Draft {
	return catalogchange.Draft{
		Product: orZero(in.Product), Market: orZero(in.Market),
		Start: toDate(in.AvailabilityDate), End: toDate(in.AvailabilityEndDate),
	}
}

// toDate distinguishes a date that is null from one that was left out.
func toDate(n nullable.Nullable[openapi_types.Date]) catalogchange.Date {
	d := catalogchange.Date{Sent: n.IsSpecified()}
	if day, err := n.Get(); err == nil { // an error means that it is null or left out
		d.Day = &day.Time
	}
	return d
}

func fromAnswer(a catalogchange.Answer) oapi.CatalogChange {
	c := oapi.CatalogChange{
		ID: a.ID, Operation: oapi.CatalogChangeOperation(a.Operation), State: oapi.CatalogChangeState(a.State),
		Overdue: a.Overdue, Unreadable: a.Unreadable, Catalog: a.Wanted.ID, Wanted: fromEntry(a.Wanted),
		CreatedAt: timestamp.Of(a.CreatedAt), ExpiresAt: timestamp.Of(a.ExpiresAt),
	}
	if o := a.Outcome; o != nil {
		c.FinishedAt = new(timestamp.Of(o.Time))
		if o.Version > 0 {
			c.Version = &o.Version
		}
		if a.State == catalogchange.NotDone {
			c.Problem = fromProblem(problemOf(*o))
		}
	}
	return c
}
