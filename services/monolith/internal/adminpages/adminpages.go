// Package adminpages describes the monolith's data for its admin pages. It calls the same business services as the API, so the
// same rules hold. internal/adminui shows the pages.
package adminpages

import (
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// Resources returns what the admin pages of the monolith list.
func Resources(products *product.Service, copies *catalogcopy.Service) []adminui.Resource {
	return []adminui.Resource{productPages{products, copies}.resource()}
}

// number returns the id in an address. Another text is not the id of anything.
func number(id, what string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != id {
		return 0, apperr.New(apperr.NotFound, fmt.Sprintf("There is no %s with this number.", what))
	}
	return n, nil
}

// at is the condition that a thing is at this version.
func at(version int64) condition.Match { return condition.Match{version} }

// mapped converts what is listed while it is read.
func mapped[T, R any](list iter.Seq2[T, error], convert func(T) R) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for item, err := range list {
			var row R
			if err == nil {
				row = convert(item)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// failed is a list that cannot be read.
func failed[R any](err error) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		yield(none, err)
	}
}

func text(s string) adminui.Cell      { return adminui.Cell{Text: s} }
func moment(t time.Time) adminui.Cell { return adminui.Cell{Time: t} }
func code(s string) adminui.Cell      { return adminui.Cell{Code: s} }
func integer(n int64) adminui.Cell    { return adminui.Cell{Text: strconv.FormatInt(n, 10)} }
