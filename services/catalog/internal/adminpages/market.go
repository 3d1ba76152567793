package adminpages

import (
	"context"
	"fmt"
	"iter"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
)

const (
	fieldCode = "iso_code"
	fieldName = "name"
)

// marketPages shows and changes the markets, which this service owns.
type marketPages struct{ markets *market.Service }

func (p marketPages) resource() adminui.Resource {
	follows := []string{"An event tells the other services about it. They delete their copies.", "A market that entries use cannot be deleted."}
	return adminui.Resource{
		Path: pathMarkets, Model: "market", One: "market", Many: "markets", About: "The countries in which products can be offered.",
		Columns: []adminui.Column{
			{Title: "Name", Sort: string(market.ByName)}, {Title: "Code", Sort: string(market.ByCode)}, {Title: "Changed", Sort: string(market.ByUpdatedAt)},
		},
		Sort: string(market.ByName), Search: "the names",
		Rows: p.rows, Count: p.count, Get: p.get,
		Fields: []adminui.Field{
			{Name: fieldCode, Title: "Code", Kind: adminui.TextField, Required: true, Fixed: true, Help: "Two capital letters (ISO 3166-1), such as NL. The code never changes."},
			{Name: fieldName, Title: "Name", Kind: adminui.TextField, Required: true, Longest: market.MaxName, Help: fmt.Sprintf("At most %d characters.", market.MaxName)},
		},
		Create: p.create, Change: p.change, Delete: p.delete,
		Follows: func(context.Context, string) ([]string, error) { return follows, nil },
		Actions: []adminui.Action{adminui.DeleteAction([]string{"An event tells the other services about each market. They delete their copies.", follows[1]}, p.delete)},
		FieldOf: map[string]string{market.Taken().Code: fieldCode},
	}
}

func marketQuery(q adminui.Query) market.Query {
	return market.Query{Search: q.Search, Limit: q.Limit, Sort: market.Sort{By: market.Field(q.Sort), Desc: q.Desc}}
}

func (p marketPages) rows(ctx context.Context, q adminui.Query) iter.Seq2[adminui.Row, error] {
	query := marketQuery(q)
	after, err := adminui.After[market.Position](q)
	if err != nil {
		return adminui.NoRows(err)
	}
	query.After = after
	return adminui.Map(p.markets.List(ctx, query), func(m market.Market) adminui.Row {
		return adminui.Row{
			ID: m.ISOCode, Version: m.Version, Position: query.Sort.PositionOf(m),
			Cells: []adminui.Cell{adminui.TextCell(m.Name), adminui.CodeCell(m.ISOCode), adminui.TimeCell(m.UpdatedAt)},
		}
	})
}

func (p marketPages) count(ctx context.Context, queries []adminui.Query, most int) ([]int, error) {
	return p.markets.Counts(ctx, adminui.Converted(queries, marketQuery), most)
}

func (p marketPages) get(ctx context.Context, id string) (adminui.Item, error) {
	if !market.ValidCode(id) {
		return adminui.Item{}, market.NotFound(id)
	}
	m, err := p.markets.Get(ctx, id)
	if err != nil {
		return adminui.Item{}, err
	}
	return adminui.Item{
		ID: id, Title: m.Name, Version: m.Version, Key: id, Values: adminui.Values{fieldCode: m.ISOCode, fieldName: m.Name},
		Facts: []adminui.Fact{
			{Name: "Version", Cell: adminui.NumberCell(m.Version)}, {Name: "Created", Cell: adminui.TimeCell(m.CreatedAt)}, {Name: "Changed", Cell: adminui.TimeCell(m.UpdatedAt)},
		},
		Links: []adminui.Link{{Path: pathEntries + "?" + fieldMarket + "=" + id, Text: "Entries in this market"}},
	}, nil
}

func (p marketPages) create(ctx context.Context, v adminui.Values) (adminui.Saved, error) {
	m, err := p.markets.Create(ctx, market.Draft{ISOCode: v[fieldCode], Name: v[fieldName]}, nil)
	return savedMarket(m, "created"), err
}

func (p marketPages) change(ctx context.Context, id string, version int64, v adminui.Values) (adminui.Saved, error) {
	m, err := p.markets.Patch(ctx, id, market.Patch{Name: new(v[fieldName])}, condition.At(version))
	if err == nil && m.Version == version {
		return adminui.Unchanged(id), nil
	}
	return savedMarket(m, "saved"), err
}

func savedMarket(m market.Market, done string) adminui.Saved {
	return adminui.Saved{ID: m.ISOCode, Key: m.ISOCode, Version: m.Version, Note: adminui.PublishedNote("market", m.Name, done, m.Version)}
}

func (p marketPages) delete(ctx context.Context, id string, version int64) (adminui.Saved, error) {
	m, err := p.markets.Delete(ctx, id, condition.At(version))
	return adminui.Saved{ID: id, Note: adminui.DeletedNote("market", m.Name)}, err
}

// find returns markets for a picker.
func (p marketPages) find(ctx context.Context, search string) ([]adminui.Choice, error) {
	if market.ValidCode(search) {
		if m, err := p.markets.Get(ctx, search); err == nil {
			return []adminui.Choice{marketChoice(m)}, nil
		}
	}
	query := market.Query{Search: search, Sort: market.Sort{By: market.ByName}, Limit: adminui.MostFound}
	return adminui.Choices(p.markets.List(ctx, query), marketChoice)
}

func marketChoice(m market.Market) adminui.Choice {
	return adminui.Choice{Value: m.ISOCode, Title: titleOfMarket(m.Name, m.ISOCode)}
}

func titleOfMarket(name, isoCode string) string { return name + " (" + isoCode + ")" }

// names returns the names of all markets by their codes. Two letters name a market, so there are not many.
func (p marketPages) names(ctx context.Context) (map[string]string, []adminui.Choice, error) {
	names, choices := map[string]string{}, []adminui.Choice(nil)
	for m, err := range p.markets.List(ctx, market.Query{Sort: market.Sort{By: market.ByName}}) {
		if err != nil {
			return nil, nil, err
		}
		names[m.ISOCode], choices = m.Name, append(choices, adminui.Choice{Value: m.ISOCode, Title: m.Name})
	}
	return names, choices, nil
}
