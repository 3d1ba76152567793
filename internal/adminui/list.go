package adminui

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/apperr"
)

const (
	pageRows    = 50
	mostCounted = 1000 // a larger number is shown as "1,000+"
	mostLinks   = 25   // a filter with more choices is a drop-down list
	mostChoices = 50   // a filter with more choices has no counts: each one is a query
)

// listPage is the data of a list.
type listPage struct {
	*Resource
	Query          listQuery
	Heads          []head
	Rows           []Row
	Filters        []filterView
	Active         []chip
	Total          string // how many things match; empty if that takes too long
	Previous, Next string // addresses; empty if there is no such page
	First          string
	Unsearched     string // the list without the search
	List           string // for paramList of the pages to which the list leads
	CSV            string
	Waiting        Waiting
	MayChange      bool
	Fault          string // of an action
}

// head is the head of a column.
type head struct {
	Title, Link string
	Direction   string // for aria-sort; empty if the list is not in this order
}

// filterView is a filter with its choices.
type filterView struct {
	Name, Title string
	All         string // the address without the filter
	Active      bool
	Long        bool // too many choices for links
	Counted     bool // the choices have counts
	Choices     []choiceView
}

type choiceView struct {
	Choice
	Link, Count string
	Active      bool
}

// chip is a part of the query that a person can remove.
type chip struct{ Title, Value, Without string }

// Parameters returns the parameters of the list without one, for a form that sets this one.
func (p listPage) Parameters(without string) map[string][]string {
	params := p.Query.params()
	params.Del(without)
	return params
}

// Checked returns the value that names a row and the version that the person has seen.
func (p listPage) Checked(r Row) string { return r.ID + "@" + strconv.FormatInt(r.Version, 10) }

func (s *site) list(r *Resource) func(visit) error {
	return func(v visit) error {
		return s.showList(v, r, http.StatusOK, r.readQuery(v.r.URL.Query()), "")
	}
}

func (s *site) showList(v visit, r *Resource, status int, q listQuery, fault string) error {
	ctx := v.r.Context()
	p := listPage{Resource: r, Query: q, Fault: fault, MayChange: v.user.Role.Includes(account.Editor) && len(r.Actions) > 0}
	if err := s.readRows(ctx, &p); err != nil {
		return err
	}
	if err := s.readFilters(ctx, &p); err != nil {
		return err
	}
	if r.Waiting != nil && p.Previous == "" {
		var err error
		if p.Waiting, err = r.Waiting(ctx, q.Query); err != nil {
			return err
		}
	}
	path := s.pathOf(r)
	for _, c := range r.Columns {
		h := head{Title: c.Title}
		if c.Sort != "" {
			h.Link = address(path, q.ordered(c.Sort).params())
			if c.Sort == q.Sort {
				h.Direction = map[bool]string{false: "ascending", true: "descending"}[q.Desc]
			}
		}
		p.Heads = append(p.Heads, h)
	}
	p.First, p.CSV, p.Unsearched = address(path, q.params()), address(path+".csv", q.params()), address(path, q.withoutSearch().params())
	p.List = q.here().Encode()
	s.render(v.w, v.r, &v.user, status, "list", p)
	return nil
}

// pathOf returns the path of the list of a resource.
func (s *site) pathOf(r *Resource) string { return s.base + "/" + r.Path }

// readRows reads the rows of one page, and one more to know whether there is another page.
func (s *site) readRows(ctx context.Context, p *listPage) error {
	q := p.Query
	for row, err := range p.Resource.Rows(ctx, q.read(pageRows+1)) {
		if err != nil {
			return err
		}
		p.Rows = append(p.Rows, row)
	}
	more := len(p.Rows) > pageRows
	if more {
		p.Rows = p.Rows[:pageRows]
	}
	before, after := q.cursor != "", more
	if q.back {
		slices.Reverse(p.Rows)
		before, after = more, true
	}
	if len(p.Rows) == 0 {
		return nil
	}
	path := s.pathOf(p.Resource)
	if before {
		p.Previous = address(path, q.at(p.Rows[0], true))
	}
	if after {
		p.Next = address(path, q.at(p.Rows[len(p.Rows)-1], false))
	}
	return nil
}

// readFilters adds the choices of the filters, and all counts.
func (s *site) readFilters(ctx context.Context, p *listPage) error {
	queries := []Query{p.Query.read(0)}
	path := s.pathOf(p.Resource)
	for _, f := range p.Resource.Filters {
		chosen := p.Query.Filters[f.Name]
		view := filterView{Name: f.Name, Title: f.Title, Active: chosen != "", All: address(path, p.Query.with(f.Name, "").params())}
		choices, err := f.choices(ctx)
		if err != nil {
			return err
		}
		if f.Choices != nil || f.Fixed != nil {
			view.Long = len(choices) > mostLinks
			view.Counted = len(choices) <= mostChoices
			for _, c := range choices {
				q := p.Query.with(f.Name, c.Value)
				view.Choices = append(view.Choices, choiceView{Choice: c, Link: address(path, q.params()), Active: c.Value == chosen})
				if view.Counted {
					queries = append(queries, q.read(0))
				}
			}
			p.Filters = append(p.Filters, view)
		}
		if chosen != "" {
			label, err := labelOf(ctx, f, view.Choices, chosen)
			if err != nil {
				return err
			}
			p.Active = append(p.Active, chip{Title: f.Title, Value: label, Without: view.All})
		}
	}
	for i := range queries {
		queries[i].cursor = ""
	}
	counts, err := p.Count(ctx, queries, mostCounted+1)
	if err != nil || len(counts) == 0 {
		return err
	}
	p.Total, counts = counted(counts[0]), counts[1:]
	for _, f := range p.Filters {
		if !f.Counted {
			continue
		}
		for j := range min(len(f.Choices), len(counts)) {
			f.Choices[j].Count = counted(counts[j])
		}
		counts = counts[min(len(f.Choices), len(counts)):]
	}
	return nil
}

// labelOf returns the value of a filter as people call it. A value that a person has typed into the address can be anything.
func labelOf(ctx context.Context, f Filter, choices []choiceView, value string) (string, error) {
	for _, c := range choices {
		if c.Value == value {
			return c.Title, nil
		}
	}
	if f.Label == nil {
		return value, nil
	}
	label, err := f.Label(ctx, value)
	if apperr.KindOf(err) == apperr.NotFound {
		return value, nil
	}
	return label, err
}

// counted returns a count for people.
func counted(n int) string {
	switch {
	case n > mostCounted:
		return "1,000+"
	case n == mostCounted:
		return "1,000"
	}
	return strconv.Itoa(n)
}
