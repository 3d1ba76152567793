package adminpages

import (
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/condition"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
	"github.com/monsplit/monsplit/services/monolith/internal/product"
)

// The names of the filters of products, and the values of the filter by state.
const (
	filterState        = "state"
	filterCategory     = "product_category"
	stateActive        = "active"
	stateDiscontinued  = "discontinued"
	mostCategories     = 200
	fieldName          = "name"
	fieldCategory      = "product_category"
	fieldDiscontinued  = "discontinued"
	followsNoMoreOffer = "The catalog service ends the open offers of a discontinued product today, and takes no new ones."
)

// productPages shows and changes the products, which this service owns.
type productPages struct {
	products *product.Service
	copies   *catalogcopy.Service
}

func (p productPages) resource() adminui.Resource {
	return adminui.Resource{
		Path: pathProducts, Model: "product", One: "product", Many: "products", About: "What the company sells. The catalog offers these products in markets.",
		Columns: []adminui.Column{
			{Title: "Name", Sort: string(product.ByName)}, {Title: "Category", Sort: string(product.ByCategory)}, {Title: "State"},
			{Title: "Number", Sort: string(product.ByID)}, {Title: "Changed", Sort: string(product.ByUpdatedAt)},
		},
		Filters: []adminui.Filter{
			{Name: filterState, Title: "State", Fixed: []adminui.Choice{{Value: stateActive, Title: "Active"}, {Value: stateDiscontinued, Title: "Discontinued"}}},
			{Name: filterCategory, Title: "Category", Choices: p.categories},
		},
		Sort: string(product.ByName), Search: "the names",
		Rows: p.rows, Count: p.count, Get: p.get,
		Fields: []adminui.Field{
			{Name: fieldName, Title: "Name", Kind: adminui.TextField, Required: true, Longest: product.MaxName, Help: fmt.Sprintf("At most %d characters. A category has each name only once.", product.MaxName)},
			{Name: fieldCategory, Title: "Category", Kind: adminui.TextField, Required: true, Longest: product.MaxCategory, Help: fmt.Sprintf("At most %d characters.", product.MaxCategory)},
			{Name: fieldDiscontinued, Title: "Discontinued", Kind: adminui.BoxField, Help: "The company does not sell it any more. " + followsNoMoreOffer},
		},
		Create: p.create, Change: p.change, Delete: p.delete, Follows: p.follows,
		Actions: []adminui.Action{
			{
				Name: "discontinue", Title: "Discontinue", Done: "discontinued", Do: p.discontinue, Only: map[string]string{filterState: stateActive},
				Follows: []string{"An event tells the other services about each product.", followsNoMoreOffer},
			},
			adminui.DeleteAction(deletionsFollow(), p.delete),
		},
		FieldOf: map[string]string{product.NameTaken().Code: fieldName},
	}
}

func (p productPages) categories(ctx context.Context) ([]adminui.Choice, error) {
	names, err := p.products.Categories(ctx, mostCategories)
	return adminui.NameChoices(names), err
}

// query returns the query of the business service for what a list shows.
func (p productPages) query(q adminui.Query) product.Query {
	return product.Query{
		Search: q.Search, Category: q.Filters[filterCategory], Limit: q.Limit,
		IncludeDiscontinued: q.Filters[filterState] != stateActive, OnlyDiscontinued: q.Filters[filterState] == stateDiscontinued,
		Sort: product.Sort{By: product.Field(q.Sort), Desc: q.Desc},
	}
}

func (p productPages) rows(ctx context.Context, q adminui.Query) iter.Seq2[adminui.Row, error] {
	query := p.query(q)
	after, err := adminui.After[product.Position](q)
	if err != nil {
		return adminui.NoRows(err)
	}
	query.After = after
	return adminui.Map(p.products.List(ctx, query), func(one product.Product) adminui.Row {
		return adminui.Row{
			ID: strconv.FormatInt(one.ID, 10), Version: one.Version, Position: query.Sort.PositionOf(one),
			Cells: []adminui.Cell{adminui.TextCell(one.Name), adminui.TextCell(one.Category), state(one), adminui.NumberCell(one.ID), adminui.TimeCell(one.UpdatedAt)},
		}
	})
}

func state(one product.Product) adminui.Cell {
	if one.Discontinued {
		return adminui.Cell{State: "discontinued"}
	}
	return adminui.Cell{Quiet: "active"}
}

func (p productPages) count(ctx context.Context, queries []adminui.Query, most int) ([]int, error) {
	return p.products.Counts(ctx, adminui.Converted(queries, p.query), most)
}

func (p productPages) get(ctx context.Context, id string) (adminui.Item, error) {
	n, err := adminui.ParseNumber(id, "product")
	if err != nil {
		return adminui.Item{}, err
	}
	one, err := p.products.Get(ctx, n)
	if err != nil {
		return adminui.Item{}, err
	}
	values := adminui.Values{fieldName: one.Name, fieldCategory: one.Category}
	if one.Discontinued {
		values[fieldDiscontinued] = adminui.On
	}
	return adminui.Item{
		ID: id, Title: one.Name, Version: one.Version, Key: one.UUID.String(), Values: values,
		Links: []adminui.Link{{Path: pathEntries + "?" + fieldProduct + "=" + id, Text: "Entries of this product"}},
		Facts: []adminui.Fact{
			{Name: "Number", Cell: adminui.NumberCell(one.ID)}, {Name: "Id in all services", Cell: adminui.CodeCell(one.UUID.String())}, {Name: "Version", Cell: adminui.NumberCell(one.Version)},
			{Name: "State", Cell: state(one)}, {Name: "Created", Cell: adminui.TimeCell(one.CreatedAt)}, {Name: "Changed", Cell: adminui.TimeCell(one.UpdatedAt)},
		},
	}, nil
}

func draft(v adminui.Values) product.Draft {
	return product.Draft{Name: v[fieldName], Category: v[fieldCategory], Discontinued: v[fieldDiscontinued] == adminui.On}
}

func (p productPages) create(ctx context.Context, v adminui.Values) (adminui.Saved, error) {
	one, err := p.products.Create(ctx, draft(v), nil)
	return saved(one, "created"), err
}

func (p productPages) change(ctx context.Context, id string, version int64, v adminui.Values) (adminui.Saved, error) {
	n, err := adminui.ParseNumber(id, "product")
	if err != nil {
		return adminui.Saved{}, err
	}
	one, err := p.products.Replace(ctx, n, draft(v), condition.At(version))
	if err == nil && one.Version == version {
		return adminui.Unchanged(id), nil
	}
	return saved(one, "saved"), err
}

func saved(one product.Product, done string) adminui.Saved {
	return adminui.Saved{
		ID: strconv.FormatInt(one.ID, 10), Key: one.UUID.String(), Version: one.Version,
		Note: adminui.PublishedNote("product", one.Name, done, one.Version),
	}
}

func (p productPages) delete(ctx context.Context, id string, version int64) (adminui.Saved, error) {
	n, err := adminui.ParseNumber(id, "product")
	if err != nil {
		return adminui.Saved{}, err
	}
	one, err := p.products.Delete(ctx, n, condition.At(version))
	return adminui.Saved{ID: id, Key: one.UUID.String(), Version: one.Version, Note: adminui.DeletedNote("product", one.Name)}, err
}

func (p productPages) discontinue(ctx context.Context, id string, version int64) error {
	n, err := adminui.ParseNumber(id, "product")
	if err != nil {
		return err
	}
	_, err = p.products.Patch(ctx, n, product.Patch{Discontinued: new(true)}, condition.At(version))
	return err
}

func deletionFollows() []string {
	return []string{
		"An event tells the other services about it. They delete their copies.",
		"The catalog service deletes the entries of the product in all markets, with an event for each of them.",
		"Its name can be used again. The product does not come back, unless an import has its id.",
	}
}

// deletionsFollow is deletionFollows for several products.
func deletionsFollow() []string {
	return []string{
		"An event tells the other services about each product. They delete their copies.",
		"The catalog service deletes the entries of the products in all markets, with an event for each of them.",
		"Their names can be used again. The products do not come back, unless an import has their ids.",
	}
}

// mostEntries is the largest number of entries that the page of a deletion tells.
const mostEntries = 20

// follows tells how many entries the catalog has of the product, as far as its events have told.
func (p productPages) follows(ctx context.Context, id string) ([]string, error) {
	n, err := adminui.ParseNumber(id, "product")
	if err != nil {
		return nil, err
	}
	entries := 0
	for _, err := range p.copies.ListEntries(ctx, catalogcopy.EntryQuery{Product: n, Sort: catalogcopy.Sort{By: catalogcopy.ByID}, Limit: mostEntries + 1}) {
		if err != nil {
			return nil, err
		}
		entries++
	}
	known := fmt.Sprintf("As far as is known here, the catalog has %d entries of it.", entries)
	switch {
	case entries == 1:
		known = "As far as is known here, the catalog has 1 entry of it."
	case entries > mostEntries:
		known = fmt.Sprintf("As far as is known here, the catalog has more than %d entries of it.", mostEntries)
	}
	return append(deletionFollows(), known), nil
}

// find returns products for a picker. A discontinued product cannot be offered, so it is not among them.
func (p productPages) find(ctx context.Context, search string) ([]adminui.Choice, error) {
	query := product.Query{Search: search, Sort: product.Sort{By: product.ByName}, Limit: adminui.MostFound}
	return adminui.Choices(p.products.List(ctx, query), func(one product.Product) adminui.Choice {
		return adminui.Choice{Value: strconv.FormatInt(one.ID, 10), Title: titleOf(one)}
	})
}

// label returns the title of the product with this id.
func (p productPages) label(ctx context.Context, id string) (string, error) {
	n, err := adminui.ParseNumber(id, "product")
	if err != nil {
		return "", err
	}
	one, err := p.products.Get(ctx, n)
	return titleOf(one), err
}

func titleOf(one product.Product) string { return one.Name + " (" + one.Category + ")" }
