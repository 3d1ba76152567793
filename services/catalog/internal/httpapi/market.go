package httpapi

import (
	"context"
	"net/http"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/timestamp"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/oapi"
)

// CreateMarket implements oapi.StrictServerInterface.
func (a *API) CreateMarket(
	ctx context.Context, r oapi.CreateMarketRequestObject,
) (oapi.CreateMarketResponseObject, error) {
	once := httpserver.Once(ctx, http.MethodPost, pathMarkets, r.Params.IdempotencyKey, *r.Body)
	m, err := a.markets.Create(ctx, toMarketDraft(*r.Body), once)
	if err != nil {
		return nil, err
	}
	return oapi.CreateMarket201JSONResponse{
		Body: fromMarket(m),
		Headers: oapi.CreateMarket201ResponseHeaders{
			AggregateID: m.ISOCode, AggregateVersion: m.Version,
			ETag: httpserver.ETag(m.Version), Location: pathMarkets + "/" + m.ISOCode,
		},
	}, nil
}

// GetMarket implements oapi.StrictServerInterface.
func (a *API) GetMarket(ctx context.Context, r oapi.GetMarketRequestObject) (oapi.GetMarketResponseObject, error) {
	m, err := a.markets.Get(ctx, r.ISOCode)
	if err != nil {
		return nil, err
	}
	etag := httpserver.ETag(m.Version)
	if httpserver.NotModified(r.Params.IfNoneMatch, etag) {
		return oapi.GetMarket304Response{Headers: oapi.NotModifiedResponseHeaders{ETag: etag}}, nil
	}
	return oapi.GetMarket200JSONResponse{
		Body: fromMarket(m), Headers: oapi.GetMarket200ResponseHeaders{ETag: etag},
	}, nil
}

// ReplaceMarket implements oapi.StrictServerInterface.
func (a *API) ReplaceMarket(
	ctx context.Context, r oapi.ReplaceMarketRequestObject,
) (oapi.ReplaceMarketResponseObject, error) {
	m, err := a.markets.Replace(ctx, r.ISOCode, toMarketReplacement(*r.Body), httpserver.IfMatch(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return oapi.ReplaceMarket200JSONResponse{
		Body: fromMarket(m),
		Headers: oapi.ReplaceMarket200ResponseHeaders{
			AggregateID: m.ISOCode, AggregateVersion: m.Version,
			ETag: httpserver.ETag(m.Version),
		},
	}, nil
}

// PatchMarket implements oapi.StrictServerInterface.
func (a *API) PatchMarket(
	ctx context.Context, r oapi.PatchMarketRequestObject,
) (oapi.PatchMarketResponseObject, error) {
	m, err := a.markets.Patch(ctx, r.ISOCode, toMarketPatch(*r.Body), httpserver.IfMatch(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return oapi.PatchMarket200JSONResponse{
		Body: fromMarket(m),
		Headers: oapi.PatchMarket200ResponseHeaders{
			AggregateID: m.ISOCode, AggregateVersion: m.Version,
			ETag: httpserver.ETag(m.Version),
		},
	}, nil
}

// DeleteMarket implements oapi.StrictServerInterface.
func (a *API) DeleteMarket(
	ctx context.Context, r oapi.DeleteMarketRequestObject,
) (oapi.DeleteMarketResponseObject, error) {
	m, err := a.markets.Delete(ctx, r.ISOCode, httpserver.IfMatch(r.Params.IfMatch))
	if err != nil {
		return nil, err
	}
	return oapi.DeleteMarket204Response{Headers: oapi.DeletedResponseHeaders{
		AggregateID: m.ISOCode, AggregateVersion: m.Version,
	}}, nil
}

func toMarketDraft(in oapi.MarketInput) market.Draft {
	return market.Draft{ISOCode: in.ISOCode, Name: in.Name}
}

func toMarketReplacement(in oapi.MarketReplacement) market.Draft {
	return market.Draft{ISOCode: orZero(in.ISOCode), Name: in.Name}
}

func toMarketPatch(in oapi.MarketPatch) market.Patch {
	return market.Patch{ISOCode: in.ISOCode, Name: in.Name}
}

func fromMarket(m market.Market) oapi.Market {
	return oapi.Market{
		ISOCode: m.ISOCode, Name: m.Name, Version: m.Version, CreatedAt: timestamp.Of(m.CreatedAt), UpdatedAt: timestamp.Of(m.UpdatedAt),
	}
}
