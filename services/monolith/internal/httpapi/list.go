package httpapi

import (
	"context"
	"iter"
	"net/http"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/timestamp"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// ListProducts implements oapi.StrictServerInterface.
func (a *API) ListProducts(
	ctx context.Context, r oapi.ListProductsRequestObject,
) (_ oapi.ListProductsResponseObject, err error) {
	q := product.Query{
		Search: orZero(r.Params.Search), Category: orZero(r.Params.ProductCategory),
		IncludeDiscontinued: orZero(r.Params.IncludeDiscontinued),
	}
	by, desc := httpserver.Sort(r.Params.Sort, "id")
	q.Sort = product.Sort{By: product.Field(by), Desc: desc}
	filters := q
	if q.After, err = httpserver.ReadCursor[product.Position](r.Params.Cursor, filters); err != nil {
		return nil, err
	}
	return answerList(ctx, a, r.Params.Limit, httpserver.List[product.Product, product.Position, oapi.Product]{
		Filters: filters, Position: q.Sort.PositionOf, Encode: fromProduct,
		Read: func(limit int) iter.Seq2[product.Product, error] {
			q.Limit = limit
			return a.products.List(ctx, q)
		},
	})
}

// ListCatalog implements oapi.StrictServerInterface.
func (a *API) ListCatalog(
	ctx context.Context, r oapi.ListCatalogRequestObject,
) (_ oapi.ListCatalogResponseObject, err error) {
	by, desc := httpserver.Sort(r.Params.Sort, "id")
	q := catalogcopy.EntryQuery{
		Product: orZero(r.Params.Product), Market: orZero(r.Params.Market),
		Sort: catalogcopy.Sort{By: catalogcopy.Field(by), Desc: desc},
	}
	filters := q
	if q.After, err = httpserver.ReadCursor[catalogcopy.Position](r.Params.Cursor, filters); err != nil {
		return nil, err
	}
	return answerList(ctx, a, r.Params.Limit, httpserver.List[catalogcopy.Entry, catalogcopy.Position, oapi.LegacyEntry]{
		Filters: filters, Position: q.Sort.PositionOfEntry, Encode: fromEntry,
		Read: func(limit int) iter.Seq2[catalogcopy.Entry, error] {
			q.Limit = limit
			return a.copies.ListEntries(ctx, q)
		},
	})
}

// ListMarkets implements oapi.StrictServerInterface.
func (a *API) ListMarkets(
	ctx context.Context, r oapi.ListMarketsRequestObject,
) (_ oapi.ListMarketsResponseObject, err error) {
	by, desc := httpserver.Sort(r.Params.Sort, "id")
	q := catalogcopy.MarketQuery{
		Search: orZero(r.Params.Search), Sort: catalogcopy.Sort{By: catalogcopy.Field(by), Desc: desc},
	}
	filters := q
	if q.After, err = httpserver.ReadCursor[catalogcopy.Position](r.Params.Cursor, filters); err != nil {
		return nil, err
	}
	return answerList(ctx, a, r.Params.Limit, httpserver.List[catalogcopy.Market, catalogcopy.Position, oapi.LegacyMarket]{
		Filters: filters, Position: q.Sort.PositionOfMarket, Encode: fromMarket,
		Read: func(limit int) iter.Seq2[catalogcopy.Market, error] {
			q.Limit = limit
			return a.copies.ListMarkets(ctx, q)
		},
	})
}

func fromMarket(m catalogcopy.Market) oapi.LegacyMarket {
	return oapi.LegacyMarket{ID: m.ID, ISOCode: m.ISOCode, Name: m.Name, UpdatedAt: timestamp.Of(m.UpdatedAt)}
}

// listed writes the answer to a request for a list.
type listed func(w http.ResponseWriter) error

func (l listed) VisitListProductsResponse(w http.ResponseWriter) error { return l(w) }
func (l listed) VisitListCatalogResponse(w http.ResponseWriter) error  { return l(w) }
func (l listed) VisitListMarketsResponse(w http.ResponseWriter) error  { return l(w) }

// answerList answers with one page and a link to the next. Without a limit it answers with the whole list, which is
// written while it is read.
func answerList[T, P, J any](ctx context.Context, a *API, limit *oapi.Limit, l httpserver.List[T, P, J]) (listed, error) {
	if limit == nil {
		return func(w http.ResponseWriter) error { return l.Stream(ctx, w, a.cfg.Stream) }, nil
	}
	page, link, err := l.Page(ctx, int(*limit))
	if err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter) error {
		if link != "" {
			w.Header().Set("Link", link)
		}
		return httpserver.StreamArray(ctx, w, a.cfg.Stream, all(page))
	}, nil
}

func all[T any](items []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
