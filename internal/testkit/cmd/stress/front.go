package main

import "fmt"

// front is what victims and attackers use of a service. Both services have all seeded products: the monolith owns them, the
// catalog has copies.
type front struct {
	list   string             // the path of the list of all products
	all    string             // a query that leaves out no product
	key    func(n int) any    // the key of the product with the number n
	create string             // the path where entities are created
	body   func(n int) string // a body that creates another entity for each n
	// hot is an entity that many want to change: its path below create, a statement that locks its row, and a change.
	hot, lock, change string
	// copied is something that the other service owns. A read of it can wait for a version.
	copied string
	// waiting is where a change waits for the other service, or "".
	waiting string
	// arrived finds the commit times of what create has created, in the database of the other service.
	arrived string
}

// The services, in the order of their starts.
const monolith, catalog = "monolith", "catalog"

// hotEntry is the id of the only seeded entry of the catalog, and hotProduct is its product in both services. Old clients know
// the entry by the number 1.
const (
	hotEntry   = "00000000-0000-4000-8001-000000000001"
	hotProduct = 7
)

const (
	legacyCatalog = "/api/v1/catalog" // where old clients change the catalog, at the monolith
	entryChange   = `{"availability_date": "2026-03-%02d"}`
)

// seededMarkets are the codes of the markets that the catalog has.
const seededMarkets = 400

// frontOf returns the front of a service.
func frontOf(service string, rows int) front {
	if service == catalog {
		return front{
			list: "/catalog/api/v1/products", all: "include_discontinued=true&limit=200",
			key:    func(n int) any { return uuidOf(n) },
			create: "/catalog/api/v1",
			body: func(n int) string {
				return fmt.Sprintf(`{"product": %q, "market": %q, "availability_date": "2026-03-01"}`, uuidOf(1+n%rows), marketCode(n/rows%seededMarkets))
			},
			hot: "/" + hotEntry, lock: "SELECT FROM catalog_entry WHERE id = '" + hotEntry + "' FOR UPDATE",
			change: entryChange, copied: "/catalog/api/v1/products/" + uuidOf(hotProduct),
			arrived: "SELECT id::text, pg_xact_commit_timestamp(xmin) FROM catalog_entry_copy WHERE id = ANY($1::uuid[]) AND version > 0",
		}
	}
	return front{
		list: "/api/v1/product", all: "include_discontinued=true",
		key:    func(n int) any { return n },
		create: "/api/v1/product",
		body: func(n int) string {
			return fmt.Sprintf(`{"name": "New product %d", "product_category": "New"}`, n)
		},
		hot: fmt.Sprintf("/%d", hotProduct), lock: fmt.Sprintf("SELECT FROM product WHERE id = %d FOR UPDATE", hotProduct),
		change: `{"product_category": "Category %d"}`, copied: legacyCatalog + "/1", waiting: legacyCatalog + "/1",
		arrived: "SELECT id::text, pg_xact_commit_timestamp(xmin) FROM product_copy WHERE id = ANY($1::uuid[]) AND version > 0",
	}
}

// product returns the path of the product with the number n.
func (f front) product(n int) string { return fmt.Sprintf("%s/%v", f.list, f.key(n)) }

// marketCode returns the code of the seeded market with the number n, from AA on.
func marketCode(n int) string { return string([]byte{'A' + byte(n/26%26), 'A' + byte(n%26)}) }
