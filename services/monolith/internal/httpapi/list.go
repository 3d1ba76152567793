package httpapi

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/oapi"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// ListProducts implements oapi.StrictServerInterface.
func (a *API) ListProducts(
	ctx context.Context, r oapi.ListProductsRequestObject,
) (oapi.ListProductsResponseObject, error) {
	q := product.Query{
		Search: orZero(r.Params.Search), Category: orZero(r.Params.ProductCategory),
		IncludeDiscontinued: orZero(r.Params.IncludeDiscontinued),
	}
	by, desc := toSort(r.Params.Sort)
	q.Sort = product.Sort{By: product.Field(by), Desc: desc}
	filters := q
	if r.Params.Cursor != nil {
		q.After = new(product.Position)
		if err := readCursor(*r.Params.Cursor, filters, q.After, &q.After.Text); err != nil {
			return nil, err
		}
	}
	return answerList(ctx, a, r.Params.Limit, list[product.Product, product.Position, oapi.Product]{
		filters: filters, position: q.Sort.PositionOf, encode: fromProduct,
		read: func(limit int) iter.Seq2[product.Product, error] {
			q.Limit = limit
			return a.products.List(ctx, q)
		},
	})
}

// ListCatalog implements oapi.StrictServerInterface.
func (a *API) ListCatalog(
	ctx context.Context, r oapi.ListCatalogRequestObject,
) (oapi.ListCatalogResponseObject, error) {
	by, desc := toSort(r.Params.Sort)
	q := catalogcopy.EntryQuery{
		Product: orZero(r.Params.Product), Market: orZero(r.Params.Market),
		Sort: catalogcopy.Sort{By: catalogcopy.Field(by), Desc: desc},
	}
	filters := q
	if r.Params.Cursor != nil {
		q.After = new(catalogcopy.Position)
		if err := readCursor(*r.Params.Cursor, filters, q.After, &q.After.Text); err != nil {
			return nil, err
		}
	}
	return answerList(ctx, a, r.Params.Limit, list[catalogcopy.Entry, catalogcopy.Position, oapi.LegacyEntry]{
		filters: filters, position: q.Sort.PositionOfEntry, encode: fromEntry,
		read: func(limit int) iter.Seq2[catalogcopy.Entry, error] {
			q.Limit = limit
			return a.copies.ListEntries(ctx, q)
		},
	})
}

// ListMarkets implements oapi.StrictServerInterface.
func (a *API) ListMarkets(
	ctx context.Context, r oapi.ListMarketsRequestObject,
) (oapi.ListMarketsResponseObject, error) {
	by, desc := toSort(r.Params.Sort)
	q := catalogcopy.MarketQuery{
		Search: orZero(r.Params.Search), Sort: catalogcopy.Sort{By: catalogcopy.Field(by), Desc: desc},
	}
	filters := q
	if r.Params.Cursor != nil {
		q.After = new(catalogcopy.Position)
		if err := readCursor(*r.Params.Cursor, filters, q.After, &q.After.Text); err != nil {
			return nil, err
		}
	}
	return answerList(ctx, a, r.Params.Limit, list[catalogcopy.Market, catalogcopy.Position, oapi.LegacyMarket]{
		filters: filters, position: q.Sort.PositionOfMarket, encode: fromMarket,
		read: func(limit int) iter.Seq2[catalogcopy.Market, error] {
			q.Limit = limit
			return a.copies.ListMarkets(ctx, q)
		},
	})
}

func fromMarket(m catalogcopy.Market) oapi.LegacyMarket {
	return oapi.LegacyMarket{ID: m.ID, ISOCode: m.ISOCode, Name: m.Name, UpdatedAt: m.UpdatedAt}
}

// list is what is listed: items T at positions P, shown as J.
type list[T, P, J any] struct {
	filters  any // what a cursor belongs to: the query without its page
	read     func(limit int) iter.Seq2[T, error]
	position func(T) P
	encode   func(T) J
}

// listed writes a list's answer.
type listed func(w http.ResponseWriter) error

func (l listed) VisitListProductsResponse(w http.ResponseWriter) error { return l(w) }
func (l listed) VisitListCatalogResponse(w http.ResponseWriter) error  { return l(w) }
func (l listed) VisitListMarketsResponse(w http.ResponseWriter) error  { return l(w) }

// answerList answers with one page and a link to the next. Without a limit it answers with everything, which is written
// while it is read.
func answerList[T, P, J any](ctx context.Context, a *API, limit *oapi.Limit, l list[T, P, J]) (listed, error) {
	if limit == nil {
		return func(w http.ResponseWriter) error {
			return httpserver.StreamArray(ctx, w, a.writeTimeout, encoded(l.read(0), l.encode))
		}, nil
	}
	size := int(*limit)
	var page []T
	for item, err := range l.read(size + 1) { // one more, to know whether there is a next page
		if err != nil {
			return nil, err
		}
		page = append(page, item)
	}
	link := ""
	if len(page) > size {
		page = page[:size]
		link = httpserver.NextLink(ctx, httpserver.NewCursor(l.filters, l.position(page[size-1])))
	}
	return func(w http.ResponseWriter) error {
		if link != "" {
			w.Header().Set("Link", link)
		}
		return httpserver.StreamArray(ctx, w, a.writeTimeout, encoded(all(page), l.encode))
	}, nil
}

func encoded[T, J any](items iter.Seq2[T, error], encode func(T) J) iter.Seq2[J, error] {
	return func(yield func(J, error) bool) {
		for item, err := range items {
			if !yield(encode(item), err) {
				return
			}
		}
	}
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

// readCursor reads where the list goes on. A cursor is not signed, so its text may be anything that JSON can hold.
func readCursor(cursor string, filters, position any, text *string) error {
	if err := httpserver.ReadCursor(cursor, filters, position); err != nil {
		return err
	}
	if strings.ContainsRune(*text, 0) {
		return apperr.New(apperr.Malformed, "The cursor is not one of ours.")
	}
	return nil
}

// toSort splits a sort parameter, whose values the document lists.
func toSort[S ~string](sort *S) (by string, desc bool) {
	if sort == nil {
		return "id", false
	}
	return strings.CutPrefix(string(*sort), "-")
}

func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
