package adminpages

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// The names of the fields, and of the filters.
const (
	fieldProduct = "product"
	fieldMarket  = "market"
	fieldStart   = "availability_date"
	fieldEnd     = "availability_end_date"
)

// entryPages shows the copies of the catalog entries. A change is a request, about which their owner decides.
type entryPages struct{ Config }

func (p entryPages) resource() adminui.Resource {
	products, markets := productPages{p.Products, p.Copies}, marketPages{p.Copies}
	follows := []string{
		"This service asks the catalog service to delete the entry. The entry stays here until the catalog has done so.",
		"After that, the product is not offered in the market any more.",
	}
	return adminui.Resource{
		Path: pathEntries, One: "entry", Many: "entries", About: "Which products are offered in which markets, and when.", Owner: "the catalog service",
		// Markets are sorted by their codes, in the order of an index. No index has the order of the products' names, which are in
		// another table, nor that of the days, which can be empty.
		Columns: []adminui.Column{
			{Title: "Product"}, {Title: "Market (code)", Sort: string(catalogcopy.ByISOCode)}, {Title: "First day"}, {Title: "Last day"},
			{Title: "Number", Sort: string(catalogcopy.ByID)}, {Title: "Changed", Sort: string(catalogcopy.ByUpdatedAt)},
		},
		Filters: []adminui.Filter{
			{Name: fieldMarket, Title: "Market", Choices: markets.choices},
			{Name: fieldProduct, Title: "Product", Label: products.label},
		},
		Sort: "-" + string(catalogcopy.ByUpdatedAt), Search: "the products, markets and numbers", Empty: "They appear when the first events of the catalog arrive.",
		Rows: p.rows, Count: p.count, Waiting: p.waiting, Get: p.get,
		Fields: append([]adminui.Field{
			{Name: fieldProduct, Title: "Product", Kind: adminui.PickField, Required: true, Fixed: true, Find: products.find, Label: products.label, Help: "Discontinued products cannot be offered."},
			{Name: fieldMarket, Title: "Market", Kind: adminui.PickField, Required: true, Fixed: true, Find: markets.find, Label: markets.label, Help: "A product has at most one entry in a market."},
		}, dayFields()...),
		Create: p.create, Change: p.change, Delete: p.delete,
		Follows: func(context.Context, string) ([]string, error) { return follows, nil },
		Actions: []adminui.Action{{
			Name: "delete", Title: "Delete", Done: "handed to the catalog service for deletion", Danger: true, Do: p.requestDeletion,
			Follows: []string{
				"This service asks the catalog service to delete each entry. An entry stays here until the catalog has done so.",
				"After that, the products are not offered in these markets any more.",
			},
		}},
		FieldOf: map[string]string{"entry-exists": fieldMarket},
	}
}

// dayFields are the days of an entry.
func dayFields() []adminui.Field {
	return []adminui.Field{
		{Name: fieldStart, Title: "First day", Kind: adminui.DateField, Help: "Empty if it is not known yet."},
		{Name: fieldEnd, Title: "Last day", Kind: adminui.DateField, Help: "Empty if the offer has no end."},
	}
}

// entryQuery returns the query for what a list shows. No product and no market has the id -1, so that nothing is listed.
func entryQuery(q adminui.Query) catalogcopy.EntryQuery {
	id := func(filter string) int64 {
		if q.Filters[filter] == "" {
			return 0
		}
		n, err := adminui.ParseNumber(q.Filters[filter], filter)
		if err != nil {
			return -1
		}
		return n
	}
	return catalogcopy.EntryQuery{
		Search: q.Search, Product: id(fieldProduct), Market: id(fieldMarket), Limit: q.Limit, Sort: catalogcopy.Sort{By: catalogcopy.Field(q.Sort), Desc: q.Desc},
	}
}

func (p entryPages) rows(ctx context.Context, q adminui.Query) iter.Seq2[adminui.Row, error] {
	query := entryQuery(q)
	after, err := adminui.After[catalogcopy.Position](q)
	if err != nil {
		return adminui.NoRows(err)
	}
	markets, err := marketPages{p.Copies}.byID(ctx)
	if err != nil {
		return adminui.NoRows(err)
	}
	query.After = after
	return adminui.MapParts(p.Copies.ListEntries(ctx, query), func(part []catalogcopy.Entry) ([]adminui.Row, error) {
		var ids []int64
		for _, e := range part {
			ids = append(ids, e.Product)
		}
		products, err := p.Products.ByID(ctx, ids)
		if err != nil {
			return nil, err
		}
		var rows []adminui.Row
		for _, e := range part {
			rows = append(rows, adminui.Row{
				ID: strconv.FormatInt(e.ID, 10), Version: e.Version, Position: query.Sort.PositionOfEntry(e),
				Cells: []adminui.Cell{adminui.TextCell(orDeleted(products[e.Product].Name)), adminui.TextCell(titleOfMarket(markets[e.Market].Name, markets[e.Market].ISOCode)), {Day: day(e.Start)}, {Day: day(e.End)}, adminui.NumberCell(e.ID), adminui.TimeCell(e.UpdatedAt)},
			})
		}
		return rows, nil
	})
}

// orDeleted is the name of a product. The entry of a deleted product stays until the catalog has deleted it.
func orDeleted(name string) string {
	if name == "" {
		return "a deleted product"
	}
	return name
}

func day(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.DateOnly)
}

func (p entryPages) count(ctx context.Context, queries []adminui.Query, most int) ([]int, error) {
	return p.Copies.CountEntries(ctx, adminui.Converted(queries, entryQuery), most)
}

// title names an entry.
func (p entryPages) title(ctx context.Context, e catalogcopy.Entry) (string, error) {
	titles, err := p.titles(ctx, []catalogcopy.Entry{e})
	if err != nil {
		return "", err
	}
	return titles[0], nil
}

// titles names entries, in their order.
func (p entryPages) titles(ctx context.Context, entries []catalogcopy.Entry) ([]string, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(entries))
	for i, e := range entries {
		ids[i] = e.Product
	}
	products, err := p.Products.ByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	markets, err := marketPages{p.Copies}.byID(ctx)
	if err != nil {
		return nil, err
	}
	titles := make([]string, len(entries))
	for i, e := range entries {
		titles[i] = orDeleted(products[e.Product].Name) + " in " + markets[e.Market].Name
	}
	return titles, nil
}
