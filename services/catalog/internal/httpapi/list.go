package httpapi

import (
	"context"
	"iter"
	"strings"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
	"github.com/monsplit/monsplit/services/catalog/internal/oapi"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// defaultLimit is how many items a page holds where the caller does not say, as in the document.
const defaultLimit = 50

// ListEntries implements oapi.StrictServerInterface.
func (a *API) ListEntries(
	ctx context.Context, r oapi.ListEntriesRequestObject,
) (oapi.ListEntriesResponseObject, error) {
	q := entry.Query{Product: r.Params.Product, Market: orZero(r.Params.Market)}
	if r.Params.AvailableOn != nil {
		q.AvailableOn = entry.DateOf(r.Params.AvailableOn.Time)
	}
	by, desc := toSort(r.Params.Sort, "id")
	q.Sort = entry.Sort{By: entry.Field(by), Desc: desc}
	filters := q
	if r.Params.Cursor != nil {
		q.After = new(entry.Position)
		if err := readCursor(*r.Params.Cursor, filters, q.After); err != nil {
			return nil, err
		}
	}
	body, link, err := answerList(ctx, r.Params.Limit, list[entry.Entry, entry.Position, oapi.Entry]{
		filters: filters, position: q.Sort.PositionOf, encode: fromEntry,
		read: func(limit int) iter.Seq2[entry.Entry, error] {
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
	by, desc := toSort(r.Params.Sort, "iso_code")
	q := market.Query{Search: orZero(r.Params.Search), Sort: market.Sort{By: market.Field(by), Desc: desc}}
	filters := q
	if r.Params.Cursor != nil {
		q.After = new(market.Position)
		if err := readCursor(*r.Params.Cursor, filters, q.After, &q.After.ID, &q.After.Text); err != nil {
			return nil, err
		}
	}
	body, link, err := answerList(ctx, r.Params.Limit, list[market.Market, market.Position, oapi.Market]{
		filters: filters, position: q.Sort.PositionOf, encode: fromMarket,
		read: func(limit int) iter.Seq2[market.Market, error] {
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
	by, desc := toSort(r.Params.Sort, "id")
	q.Sort = productcopy.Sort{By: productcopy.Field(by), Desc: desc}
	filters := q
	if r.Params.Cursor != nil {
		q.After = new(productcopy.Position)
		if err := readCursor(*r.Params.Cursor, filters, q.After, &q.After.Text); err != nil {
			return nil, err
		}
	}
	body, link, err := answerList(ctx, r.Params.Limit, list[productcopy.Product, productcopy.Position, oapi.Product]{
		filters: filters, position: q.Sort.PositionOf, encode: fromProduct,
		read: func(limit int) iter.Seq2[productcopy.Product, error] {
			q.Limit = limit
			return a.copies.List(ctx, q)
		},
	})
	if err != nil {
		return nil, err
	}
	return oapi.ListProducts200JSONResponse{Body: body, Headers: oapi.ListProducts200ResponseHeaders{Link: link}}, nil
}

// list is what is listed: items T at positions P, shown as J.
type list[T, P, J any] struct {
	filters  any // what a cursor belongs to: the query without its page
	read     func(limit int) iter.Seq2[T, error]
	position func(T) P
	encode   func(T) J
}

// answerList returns one page, and a link to the next where there is one.
func answerList[T, P, J any](
	ctx context.Context, limit *oapi.Limit, l list[T, P, J],
) (page []J, link *string, err error) {
	size := defaultLimit
	if limit != nil {
		size = int(*limit)
	}
	page = []J{}
	var last T
	for item, err := range l.read(size + 1) { // one more, to know whether there is a next page
		if err != nil {
			return nil, nil, err
		}
		if len(page) == size {
			next := httpserver.NextLink(ctx, httpserver.NewCursor(l.filters, l.position(last)))
			return page, &next, nil
		}
		page, last = append(page, l.encode(item)), item
	}
	return page, nil, nil
}

// readCursor reads where the list goes on. A cursor is not signed, so its texts may be anything that JSON can hold.
func readCursor(cursor string, filters, position any, texts ...*string) error {
	if err := httpserver.ReadCursor(cursor, filters, position); err != nil {
		return err
	}
	for _, text := range texts {
		if strings.ContainsRune(*text, 0) {
			return apperr.New(apperr.Malformed, "The cursor is not one of ours.")
		}
	}
	return nil
}

// toSort splits a sort parameter, whose values the document lists.
func toSort[S ~string](sort *S, otherwise string) (by string, desc bool) {
	if sort == nil {
		return otherwise, false
	}
	return strings.CutPrefix(string(*sort), "-")
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
