package adminpages

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// marketPages shows the copies of the markets. Only the events of their owner change them.
type marketPages struct{ copies *catalogcopy.Service }

func (p marketPages) resource() adminui.Resource {
	return adminui.Resource{
		Path: pathMarkets, One: "market", Many: "markets", About: "The countries in which products can be offered.", Owner: "the catalog service",
		Columns: []adminui.Column{
			{Title: "Name", Sort: string(catalogcopy.ByName)}, {Title: "Code", Sort: string(catalogcopy.ByISOCode)},
			{Title: "Number", Sort: string(catalogcopy.ByID)}, {Title: "Changed", Sort: string(catalogcopy.ByUpdatedAt)},
		},
		Sort: string(catalogcopy.ByName), Search: "the names", Empty: "They appear when the first events of the catalog arrive.",
		Rows: p.rows, Count: p.count, Get: p.get,
		Fields: []adminui.Field{{Name: "iso_code", Title: "Code", Kind: adminui.TextField}, {Name: "name", Title: "Name", Kind: adminui.TextField}},
	}
}

func marketQuery(q adminui.Query) catalogcopy.MarketQuery {
	return catalogcopy.MarketQuery{Search: q.Search, Limit: q.Limit, Sort: catalogcopy.Sort{By: catalogcopy.Field(q.Sort), Desc: q.Desc}}
}

func (p marketPages) rows(ctx context.Context, q adminui.Query) iter.Seq2[adminui.Row, error] {
	query := marketQuery(q)
	after, err := adminui.After[catalogcopy.Position](q)
	if err != nil {
		return adminui.NoRows(err)
	}
	query.After = after
	return adminui.Map(p.copies.ListMarkets(ctx, query), func(m catalogcopy.Market) adminui.Row {
		return adminui.Row{
			ID: strconv.FormatInt(m.ID, 10), Position: query.Sort.PositionOfMarket(m),
			Cells: []adminui.Cell{adminui.TextCell(m.Name), adminui.CodeCell(m.ISOCode), adminui.NumberCell(m.ID), adminui.TimeCell(m.UpdatedAt)},
		}
	})
}

func (p marketPages) count(ctx context.Context, queries []adminui.Query, most int) ([]int, error) {
	return p.copies.CountMarkets(ctx, adminui.Converted(queries, marketQuery), most)
}

func (p marketPages) get(ctx context.Context, id string) (adminui.Item, error) {
	n, err := adminui.ParseNumber(id, "market")
	if err != nil {
		return adminui.Item{}, err
	}
	all, err := p.all(ctx)
	if err != nil {
		return adminui.Item{}, err
	}
	for _, m := range all {
		if m.ID == n {
			return adminui.Item{
				ID: id, Title: m.Name, Key: m.ISOCode, Values: adminui.Values{"iso_code": m.ISOCode, "name": m.Name},
				Facts: []adminui.Fact{{Name: "Number", Cell: adminui.NumberCell(m.ID)}, {Name: "Changed by the owner", Cell: adminui.TimeCell(m.UpdatedAt)}},
				Links: []adminui.Link{{Path: pathEntries + "?" + fieldMarket + "=" + id, Text: "Entries in this market"}},
			}, nil
		}
	}
	return adminui.Item{}, apperr.New(apperr.NotFound, fmt.Sprintf("There is no market %d.", n))
}

// all returns all markets in the order of their names. Two letters name a market, so there are not many.
func (p marketPages) all(ctx context.Context) (all []catalogcopy.Market, err error) {
	for m, err := range p.copies.ListMarkets(ctx, catalogcopy.MarketQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByName}}) {
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// byID returns all markets by their ids.
func (p marketPages) byID(ctx context.Context) (map[int64]catalogcopy.Market, error) {
	all, err := p.all(ctx)
	markets := map[int64]catalogcopy.Market{}
	for _, m := range all {
		markets[m.ID] = m
	}
	return markets, err
}

// choices returns all markets for a filter.
func (p marketPages) choices(ctx context.Context) (choices []adminui.Choice, err error) {
	all, err := p.all(ctx)
	for _, m := range all {
		choices = append(choices, adminui.Choice{Value: strconv.FormatInt(m.ID, 10), Title: m.Name})
	}
	return choices, err
}

// find returns markets for a picker, by their names or codes.
func (p marketPages) find(ctx context.Context, search string) (choices []adminui.Choice, err error) {
	query := catalogcopy.MarketQuery{Search: search, Sort: catalogcopy.Sort{By: catalogcopy.ByName}, Limit: adminui.MostFound}
	if len(search) == 2 && strings.ToUpper(search) == search {
		query = catalogcopy.MarketQuery{Sort: catalogcopy.Sort{By: catalogcopy.ByName}}
	}
	for m, err := range p.copies.ListMarkets(ctx, query) {
		if err != nil {
			return nil, err
		}
		if query.Search == search || m.ISOCode == search {
			choices = append(choices, adminui.Choice{Value: strconv.FormatInt(m.ID, 10), Title: titleOfMarket(m.Name, m.ISOCode)})
		}
	}
	return choices, nil
}

// label returns the market with this id as the picker shows it.
func (p marketPages) label(ctx context.Context, id string) (string, error) {
	item, err := p.get(ctx, id)
	return titleOfMarket(item.Title, item.Key), err
}

func titleOfMarket(name, isoCode string) string { return name + " (" + isoCode + ")" }
