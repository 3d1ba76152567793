package adminpages

import (
	"context"
	"iter"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
)

// The names of the fields, and of the filters.
const (
	fieldProduct = "product"
	fieldMarket  = "market"
	fieldStart   = "availability_date"
	fieldEnd     = "availability_end_date"
	filterOffer  = "offer"
	offerToday   = "today"
)

// entryPages shows and changes the catalog entries, which this service owns.
type entryPages struct{ Config }

func (p entryPages) resource() adminui.Resource {
	products, markets := productPages{p.Products}, marketPages{p.Markets}
	follows := []string{"An event tells the other services about it. They delete their copies.", "The product is not offered in the market any more. It can be offered again by a new entry."}
	return adminui.Resource{
		Path: pathEntries, Model: "catalog-entry", One: "entry", Many: "entries", About: "Which products are offered in which markets, and when.",
		// Markets are sorted by their codes, in the order of an index. No index has the order of the products' names, which are in
		// another table, nor that of the days, which can be empty.
		Columns: []adminui.Column{
			{Title: "Product"}, {Title: "Market (code)", Sort: string(entry.ByMarket)}, {Title: "First day"}, {Title: "Last day"}, {Title: "Offer"},
			{Title: "Changed", Sort: string(entry.ByUpdatedAt)},
		},
		Filters: []adminui.Filter{
			{Name: filterOffer, Title: "Offer", Fixed: []adminui.Choice{{Value: offerToday, Title: "Open today"}}},
			{Name: fieldMarket, Title: "Market", Choices: func(ctx context.Context) ([]adminui.Choice, error) {
				_, choices, err := markets.names(ctx)
				return choices, err
			}},
			{Name: fieldProduct, Title: "Product", Label: products.label},
		},
		Sort: "-" + string(entry.ByUpdatedAt), Search: "the products, markets and ids",
		Rows: p.rows, Count: p.count, Get: p.get,
		Fields: []adminui.Field{
			{Name: fieldProduct, Title: "Product", Kind: adminui.PickField, Required: true, Fixed: true, Find: products.find, Label: products.label, Help: "Discontinued products cannot be offered."},
			{Name: fieldMarket, Title: "Market", Kind: adminui.PickField, Required: true, Fixed: true, Find: markets.find, Label: p.marketLabel, Help: "A product has at most one entry in a market."},
			{Name: fieldStart, Title: "First day", Kind: adminui.DateField, Help: "Empty if it is not known yet."},
			{Name: fieldEnd, Title: "Last day", Kind: adminui.DateField, Help: "Empty if the offer has no end."},
		},
		Create: p.create, Change: p.change, Delete: p.delete,
		Follows: func(context.Context, string) ([]string, error) { return follows, nil },
		Actions: []adminui.Action{adminui.DeleteAction([]string{
			"An event tells the other services about each entry. They delete their copies.", "The products are not offered in these markets any more. They can be offered again by new entries.",
		}, p.delete)},
		FieldOf: map[string]string{entry.PlaceTaken().Code: fieldMarket},
	}
}

func (p entryPages) query(q adminui.Query) entry.Query {
	query := entry.Query{Search: q.Search, Market: q.Filters[fieldMarket], Limit: q.Limit, Sort: entry.Sort{By: entry.Field(q.Sort), Desc: q.Desc}}
	if text := q.Filters[fieldProduct]; text != "" {
		id, _ := uuid.Parse(text) // no product has the zero id, so that nothing is listed
		query.Product = &id
	}
	if q.Filters[filterOffer] == offerToday {
		query.AvailableOn = entry.DateOf(p.Now())
	}
	return query
}

func (p entryPages) rows(ctx context.Context, q adminui.Query) iter.Seq2[adminui.Row, error] {
	query := p.query(q)
	after, err := adminui.After[entry.Position](q)
	if err != nil {
		return adminui.NoRows(err)
	}
	names, _, err := marketPages{p.Markets}.names(ctx)
	if err != nil {
		return adminui.NoRows(err)
	}
	query.After = after
	return adminui.MapParts(p.Entries.List(ctx, query), func(part []entry.Entry) ([]adminui.Row, error) {
		var ids []uuid.UUID
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
				ID: e.ID.String(), Version: e.Version, Position: query.Sort.PositionOf(e),
				Cells: []adminui.Cell{adminui.TextCell(products[e.Product].Name), adminui.TextCell(titleOfMarket(names[e.Market], e.Market)), {Day: e.Start.String()}, {Day: e.End.String()}, p.offer(e), adminui.TimeCell(e.UpdatedAt)},
			})
		}
		return rows, nil
	})
}

// offer says what the dates mean today.
func (p entryPages) offer(e entry.Entry) adminui.Cell {
	today := entry.DateOf(p.Now())
	switch {
	case e.Start.IsZero():
		return adminui.Cell{State: "not scheduled"}
	case !e.End.IsZero() && e.End.Before(today):
		return adminui.Cell{State: "ended"}
	case today.Before(e.Start):
		return adminui.Cell{State: "later"}
	}
	return adminui.Cell{Quiet: "open"}
}

func (p entryPages) count(ctx context.Context, queries []adminui.Query, most int) ([]int, error) {
	return p.Entries.Counts(ctx, adminui.Converted(queries, p.query), most)
}

func (p entryPages) get(ctx context.Context, id string) (adminui.Item, error) {
	key, err := adminui.ParseUUID(id, "entry")
	if err != nil {
		return adminui.Item{}, err
	}
	e, err := p.Entries.Get(ctx, key)
	if err != nil {
		return adminui.Item{}, err
	}
	title, err := p.title(ctx, e)
	if err != nil {
		return adminui.Item{}, err
	}
	return adminui.Item{
		ID: id, Title: title, Version: e.Version, Key: id,
		Values: adminui.Values{fieldProduct: e.Product.String(), fieldMarket: e.Market, fieldStart: e.Start.String(), fieldEnd: e.End.String()},
		Facts: []adminui.Fact{
			{Name: "Offer", Cell: p.offer(e)}, {Name: "Id in all services", Cell: adminui.CodeCell(id)}, {Name: "Version", Cell: adminui.NumberCell(e.Version)},
			{Name: "Created", Cell: adminui.TimeCell(e.CreatedAt)}, {Name: "Changed", Cell: adminui.TimeCell(e.UpdatedAt)},
		},
		Links: []adminui.Link{{Path: pathProducts + "/" + e.Product.String(), Text: "The product"}, {Path: pathMarkets + "/" + e.Market, Text: "The market"}},
	}, nil
}

func (p entryPages) title(ctx context.Context, e entry.Entry) (string, error) {
	products, err := p.Products.ByID(ctx, []uuid.UUID{e.Product})
	if err != nil {
		return "", err
	}
	m, err := p.Markets.Get(ctx, e.Market)
	if err != nil && apperr.KindOf(err) != apperr.NotFound {
		return "", err
	}
	return products[e.Product].Name + " in " + m.Name, nil
}

func (p entryPages) marketLabel(ctx context.Context, isoCode string) (string, error) {
	if !market.ValidCode(isoCode) {
		return "", market.NotFound(isoCode)
	}
	m, err := p.Markets.Get(ctx, isoCode)
	return marketChoice(m).Title, err
}

// dates reads the days of a form, which are valid or empty.
func dates(v adminui.Values) (start, end entry.Date, err error) {
	if err = start.UnmarshalText([]byte(v[fieldStart])); err == nil {
		err = end.UnmarshalText([]byte(v[fieldEnd]))
	}
	return start, end, err
}

func (p entryPages) create(ctx context.Context, v adminui.Values) (adminui.Saved, error) {
	start, end, err := dates(v)
	if err != nil {
		return adminui.Saved{}, err
	}
	product, _ := uuid.Parse(v[fieldProduct]) // the rules refuse the zero id
	e, err := p.Entries.Create(ctx, entry.Draft{Product: product, Market: v[fieldMarket], Start: start, End: end}, nil)
	if err != nil {
		return adminui.Saved{}, err
	}
	return p.saved(ctx, e, "created")
}

func (p entryPages) change(ctx context.Context, id string, version int64, v adminui.Values) (adminui.Saved, error) {
	key, err := adminui.ParseUUID(id, "entry")
	if err != nil {
		return adminui.Saved{}, err
	}
	start, end, err := dates(v)
	if err != nil {
		return adminui.Saved{}, err
	}
	e, err := p.Entries.Patch(ctx, key, entry.Patch{Start: &start, End: &end}, condition.At(version))
	switch {
	case err != nil:
		return adminui.Saved{}, err
	case e.Version == version:
		return adminui.Unchanged(id), nil
	}
	return p.saved(ctx, e, "saved")
}

func (p entryPages) saved(ctx context.Context, e entry.Entry, done string) (adminui.Saved, error) {
	title, err := p.title(ctx, e)
	if err != nil {
		title = "of the product" // the change is made, so it must not look like a failure
	}
	return adminui.Saved{ID: e.ID.String(), Key: e.ID.String(), Version: e.Version, Note: adminui.PublishedNote("entry", title, done, e.Version)}, nil
}

func (p entryPages) delete(ctx context.Context, id string, version int64) (adminui.Saved, error) {
	key, err := adminui.ParseUUID(id, "entry")
	if err != nil {
		return adminui.Saved{}, err
	}
	_, err = p.Entries.Delete(ctx, key, condition.At(version))
	return adminui.Saved{ID: id}, err
}
