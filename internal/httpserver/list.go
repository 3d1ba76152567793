package httpserver

import (
	"context"
	"iter"
	"net/http"
	"strings"
)

// List is a list that a request asks for: items T at positions P, shown as J.
type List[T, P, J any] struct {
	Filters  any                                 // what a cursor belongs to: the query without its page
	Read     func(limit int) iter.Seq2[T, error] // 0 reads everything
	Position func(T) P
	Encode   func(T) J
}

// Page returns the first size items, and the Link to the next page or "" at the end of the list. The context is the
// request's. A HEAD reads nothing, and has no Link.
func (l List[T, P, J]) Page(ctx context.Context, size int) (page []J, link string, err error) {
	page = []J{}
	if NeedsNoBody(ctx) {
		return page, "", nil
	}
	var last T
	for item, err := range l.Read(size + 1) { // one more, to know whether there is a next page
		if err != nil {
			return nil, "", err
		}
		if len(page) == size {
			return page, NextLink(ctx, NewCursor(l.Filters, l.Position(last))), nil
		}
		page, last = append(page, l.Encode(item)), item
	}
	return page, "", nil
}

// Stream writes the whole list while it is read, as StreamArray does. A HEAD reads nothing. While a part waits for the client,
// the request has neither a place among the lists nor a connection to the database.
func (l List[T, P, J]) Stream(ctx context.Context, w http.ResponseWriter, limits StreamLimits) error {
	return StreamArray(ctx, w, limits, func(yield func(J, error) bool) {
		if NeedsNoBody(ctx) {
			return
		}
		for item, err := range WithPlace(ctx, l.Read(0)) {
			if !yield(l.Encode(item), err) {
				return
			}
		}
	})
}

// Sort splits a sort parameter such as "-name" into the field and the direction. Without the parameter a list is sorted
// by the field otherwise, ascending.
func Sort[S ~string](sort *S, otherwise string) (by string, desc bool) {
	if sort == nil {
		return otherwise, false
	}
	return strings.CutPrefix(string(*sort), "-")
}
