package adminpages

import (
	"context"
	"iter"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

// The names of the filters of products, and the values of the filter by state.
const (
	filterState       = "state"
	filterCategory    = "product_category"
	stateActive       = "active"
	stateDiscontinued = "discontinued"
	mostCategories    = 200
)

// productPages shows the copies of the products. Only the events of their owner change them.
type productPages struct{ products *productcopy.Service }

func (p productPages) resource() adminui.Resource {
	return adminui.Resource{
		Path: pathProducts, One: "product", Many: "products", About: "What the catalog can offer.", Owner: "the monolith",
		Columns: []adminui.Column{
			{Title: "Name", Sort: string(productcopy.ByName)}, {Title: "Category", Sort: string(productcopy.ByCategory)}, {Title: "State"},
			{Title: "Changed", Sort: string(productcopy.ByUpdatedAt)},
		},
		Filters: []adminui.Filter{
			{Name: filterState, Title: "State", Fixed: []adminui.Choice{{Value: stateActive, Title: "Active"}, {Value: stateDiscontinued, Title: "Discontinued"}}},
			{Name: filterCategory, Title: "Category", Choices: p.categories},
		},
		Sort: string(productcopy.ByName), Search: "the names", Empty: "They appear when the first events of the monolith arrive.",
		Rows: p.rows, Count: p.count, Get: p.get,
		Fields: []adminui.Field{
			{Name: "name", Title: "Name", Kind: adminui.TextField}, {Name: "product_category", Title: "Category", Kind: adminui.TextField},
			{Name: "discontinued", Title: "Discontinued", Kind: adminui.BoxField},
		},
	}
}

func (p productPages) categories(ctx context.Context) ([]adminui.Choice, error) {
	names, err := p.products.Categories(ctx, mostCategories)
	return adminui.NameChoices(names), err
}

func productQuery(q adminui.Query) productcopy.Query {
	return productcopy.Query{
		Search: q.Search, Category: q.Filters[filterCategory], Limit: q.Limit,
		IncludeDiscontinued: q.Filters[filterState] != stateActive, OnlyDiscontinued: q.Filters[filterState] == stateDiscontinued,
		Sort: productcopy.Sort{By: productcopy.Field(q.Sort), Desc: q.Desc},
	}
}

func (p productPages) rows(ctx context.Context, q adminui.Query) iter.Seq2[adminui.Row, error] {
	query := productQuery(q)
	after, err := adminui.After[productcopy.Position](q)
	if err != nil {
		return adminui.NoRows(err)
	}
	query.After = after
	return adminui.Map(p.products.List(ctx, query), func(one productcopy.Product) adminui.Row {
		return adminui.Row{
			ID: one.ID.String(), Version: one.Version, Position: query.Sort.PositionOf(one),
			Cells: []adminui.Cell{adminui.TextCell(one.Name), adminui.TextCell(one.Category), state(one), adminui.TimeCell(one.UpdatedAt)},
		}
	})
}

func state(one productcopy.Product) adminui.Cell {
	if one.Discontinued {
		return adminui.Cell{State: "discontinued"}
	}
	return adminui.Cell{Quiet: "active"}
}

func (p productPages) count(ctx context.Context, queries []adminui.Query, most int) ([]int, error) {
	return p.products.Counts(ctx, adminui.Converted(queries, productQuery), most)
}

func (p productPages) get(ctx context.Context, id string) (adminui.Item, error) {
	key, err := adminui.ParseUUID(id, "product")
	if err != nil {
		return adminui.Item{}, err
	}
	one, err := p.products.Get(ctx, key)
	if err != nil {
		return adminui.Item{}, err
	}
	values := adminui.Values{"name": one.Name, "product_category": one.Category}
	links := []adminui.Link{{Path: pathEntries + "?" + fieldProduct + "=" + id, Text: "Entries of this product"}}
	if one.Discontinued {
		values["discontinued"] = adminui.On
	}
	return adminui.Item{
		ID: id, Title: one.Name, Version: one.Version, Key: id, Values: values, Links: links,
		Facts: []adminui.Fact{
			{Name: "Id in all services", Cell: adminui.CodeCell(id)}, {Name: "Version at the owner", Cell: adminui.NumberCell(one.Version)},
			{Name: "Changed by the owner", Cell: adminui.TimeCell(one.UpdatedAt)},
		},
	}, nil
}

// find returns products for a picker. A discontinued product cannot be offered, so it is not among them.
func (p productPages) find(ctx context.Context, search string) ([]adminui.Choice, error) {
	query := productcopy.Query{Search: search, Sort: productcopy.Sort{By: productcopy.ByName}, Limit: adminui.MostFound}
	return adminui.Choices(p.products.List(ctx, query), func(one productcopy.Product) adminui.Choice {
		return adminui.Choice{Value: one.ID.String(), Title: titleOf(one)}
	})
}

// label returns the title of the product with this id.
func (p productPages) label(ctx context.Context, id string) (string, error) {
	key, err := adminui.ParseUUID(id, "product")
	if err != nil {
		return "", err
	}
	one, err := p.products.Get(ctx, key)
	return titleOf(one), err
}

func titleOf(one productcopy.Product) string { return one.Name + " (" + one.Category + ")" }
