package httpapi

import (
	"context"
	"iter"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/oapi"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// defaultLimit is the number of items on a page if the caller sets none. The document has the same default.
const defaultLimit = 50

// ListEntries implements oapi.StrictServerInterface.
func (a *API) ListEntries(
	ctx context.Context, r oapi.ListEntriesRequestObject,
) (oapi.ListEntriesResponseObject, error) {
	q := entry.Query{Product: r.Params.Product, Market: orZero(r.Params.Market)}
	if r.Params.AvailableOn != nil {
		q.AvailableOn = entry.DateOf(r.Params.AvailableOn.Time)
	}
	by, desc := httpserver.Sort(r.Params.Sort, "id")
	q.Sort = entry.Sort{By: entry.Field(by), Desc: desc}
	filters := q
	var err error
	if q.After, err = httpserver.ReadCursor[entry.Position](r.Params.Cursor, filters); err != nil {
		return nil, err
	}
	body, link, err := answerList(ctx, r.Params.Limit, httpserver.List[entry.Entry, entry.Position, oapi.Entry]{
		Filters: filters, Position: q.Sort.PositionOf, Encode: fromEntry,
		Read: func(limit int) iter.Seq2[entry.Entry, error] {
			q.Limit = limit
			return a.entries.List(ctx, q)
		},
	})
	if err != nil {
		return nil, err
	}
	return oapi.ListEntries200JSONResponse{Body: body, Headers: oapi.ListEntries200ResponseHeaders{Link: link}}, nil
}

// ListMarkets implements oapi.StrictServerInterface.
func (a *API) ListMarkets(
	ctx context.Context, r oapi.ListMarketsRequestObject,
) (oapi.ListMarketsResponseObject, error) {
	by, desc := httpserver.Sort(r.Params.Sort, "iso_code")
	q := market.Query{Search: orZero(r.Params.Search), Sort: market.Sort{By: market.Field(by), Desc: desc}}
	filters := q
	var err error
	if q.After, err = httpserver.ReadCursor[market.Position](r.Params.Cursor, filters); err != nil {
		return nil, err
	}
	body, link, err := answerList(ctx, r.Params.Limit, httpserver.List[market.Market, market.Position, oapi.Market]{
		Filters: filters, Position: q.Sort.PositionOf, Encode: fromMarket,
		Read: func(limit int) iter.Seq2[market.Market, error] {
			q.Limit = limit
			return a.markets.List(ctx, q)
		},
	})
	if err != nil {
		return nil, err
	}
	return oapi.ListMarkets200JSONResponse{Body: body, Headers: oapi.ListMarkets200ResponseHeaders{Link: link}}, nil
}

// ListProducts implements oapi.StrictServerInterface.
func (a *API) ListProducts(
	ctx context.Context, r oapi.ListProductsRequestObject,
) (oapi.ListProductsResponseObject, error) {
	q := productcopy.Query{
		Search: orZero(r.Params.Search), Category: orZero(r.Params.ProductCategory),
		IncludeDiscontinued: orZero(r.Params.IncludeDiscontinued),
	}
	by, desc := httpserver.Sort(r.Params.Sort, "id")
	q.Sort = productcopy.Sort{By: productcopy.Field(by), Desc: desc}
	filters := q
	var err error
	if q.After, err = httpserver.ReadCursor[productcopy.Position](r.Params.Cursor, filters); err != nil {
		return nil, err
	}
	body, link, err := answerList(ctx, r.Params.Limit, httpserver.List[productcopy.Product, productcopy.Position, oapi.Product]{
		Filters: filters, Position: q.Sort.PositionOf, Encode: fromProduct,
		Read: func(limit int) iter.Seq2[productcopy.Product, error] {
			q.Limit = limit
			return a.copies.List(ctx, q)
		},
	})
	if err != nil {
		return nil, err
	}
	return oapi.ListProducts200JSONResponse{Body: body, Headers: oapi.ListProducts200ResponseHeaders{Link: link}}, nil
}

// answerList returns one page, and a link to the next page if there is one.
func answerList[T, P, J any](
	ctx context.Context, limit *oapi.Limit, l httpserver.List[T, P, J],
) (page []J, link *string, err error) {
	size := defaultLimit
	if limit != nil {
		size = int(*limit)
	}
	page, next, err := l.Page(ctx, size)
	if err != nil || next == "" {
		return page, nil, err
	}
	return page, &next, nil
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
