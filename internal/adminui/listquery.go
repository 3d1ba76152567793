package adminui

import (
	"maps"
	"net/url"
	"strings"

	"github.com/monsplit/monsplit/internal/httpserver"
)

// The parameters of a list in the address. The others are names of filters.
const (
	paramSearch = "q"
	paramSort   = "sort"
	paramCursor = "cursor"
	paramBack   = "back" // the page before the cursor, and not the one after it
)

// maxSearch is the longest search, in bytes. No name is longer.
const maxSearch = 400

// listQuery is the query of a list page. A person can change each part of the address.
type listQuery struct {
	Query
	resource *Resource
	back     bool
}

// readQuery reads the query from the parameters of a list page. It ignores what it does not know.
func (r *Resource) readQuery(params url.Values) listQuery {
	q := listQuery{resource: r, Query: Query{list: r.Path, Filters: map[string]string{}, cursor: params.Get(paramCursor)}}
	q.Search = strings.ToValidUTF8(strings.TrimSpace(strings.ReplaceAll(params.Get(paramSearch), "\x00", "")), "")
	if r.Search == "" || len(q.Search) > maxSearch {
		q.Search = ""
	}
	for _, f := range r.Filters {
		if value := params.Get(f.Name); value != "" && f.allows(value) && strings.ToValidUTF8(value, "") == value && !strings.ContainsRune(value, 0) {
			q.Filters[f.Name] = value
		}
	}
	q.Sort, q.Desc = strings.CutPrefix(r.Sort, "-")
	if name, desc := strings.CutPrefix(params.Get(paramSort), "-"); r.sorts(name) {
		q.Sort, q.Desc = name, desc
	}
	q.back = params.Has(paramBack) && q.cursor != ""
	return q
}

func (r *Resource) sorts(name string) bool {
	for _, c := range r.Columns {
		if c.Sort == name && name != "" {
			return true
		}
	}
	return false
}

// sorted returns the parameter for the order, or "" for the order of the list at first.
func (q listQuery) sorted() string {
	sort := q.Sort
	if q.Desc {
		sort = "-" + sort
	}
	if sort == q.resource.Sort {
		return ""
	}
	return sort
}

// params returns the parameters of the first page of the list.
func (q listQuery) params() url.Values {
	params := url.Values{}
	if q.Search != "" {
		params.Set(paramSearch, q.Search)
	}
	for name, value := range q.Filters {
		params.Set(name, value)
	}
	if sort := q.sorted(); sort != "" {
		params.Set(paramSort, sort)
	}
	return params
}

// with returns the query with another value of a filter. An empty value removes the filter.
func (q listQuery) with(filter, value string) listQuery {
	q.Filters = maps.Clone(q.Filters)
	q.cursor, q.back = "", false
	delete(q.Filters, filter)
	if value != "" {
		q.Filters[filter] = value
	}
	return q
}

// withoutSearch returns the query without its search.
func (q listQuery) withoutSearch() listQuery {
	q.Search, q.cursor, q.back = "", "", false
	return q
}

// ordered returns the query in the order of a column. The second time, the order is reversed.
func (q listQuery) ordered(sort string) listQuery {
	q.Desc = q.Sort == sort && !q.Desc
	q.Sort, q.cursor, q.back = sort, "", false
	return q
}

// read returns the query for reading rows. A page before a position is the page after it in the reversed order.
func (q listQuery) read(limit int) Query {
	read := q.Query
	read.Limit = limit
	read.Desc = q.Desc != q.back
	return read
}

// at returns the parameters of the page that begins after a row, or ends before it.
func (q listQuery) at(row Row, back bool) url.Values {
	params := q.params()
	q.back = back
	params.Set(paramCursor, httpserver.NewCursor(q.read(0).identity(), row.Position))
	if back {
		params.Set(paramBack, "1")
	}
	return params
}

// here returns the parameters of this page of the list.
func (q listQuery) here() url.Values {
	params := q.params()
	if q.cursor != "" {
		params.Set(paramCursor, q.cursor)
	}
	if q.back {
		params.Set(paramBack, "1")
	}
	return params
}

// paramList has the parameters of the list from which a person has come to the page of a thing, and to which the person goes back.
const paramList = "list"

// readList returns the value of paramList, without what the list does not know.
func (r *Resource) readList(value string) url.Values {
	params, err := url.ParseQuery(value)
	if err != nil {
		return nil
	}
	return r.readQuery(params).here()
}

// withList returns an address with a value for paramList.
func withList(path string, list url.Values) string {
	if len(list) == 0 {
		return path
	}
	return address(path, url.Values{paramList: {list.Encode()}})
}

// address returns a path with parameters.
func address(path string, params url.Values) string {
	if len(params) == 0 {
		return path
	}
	return path + "?" + params.Encode()
}

// Filtered reports whether the list shows only some of the things.
func (q listQuery) Filtered() bool { return q.Search != "" || len(q.Filters) > 0 }
