//go:build pact

package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/pact"
)

// The test runs the program as from the command line, so that the contract has the requests that it really sends.
//
//nolint:paralleltest // all parts write the same file
func TestConsumerContract(t *testing.T) {
	pact.Consumer(t, "legacy-report", "monolith", func(c *pact.Contract) {
		first, next := pages()
		c.Exchanges(func(t *testing.T, url string) {
			prints(t, "NL,Rocking chair,Chairs,false,2026-03-01,2026-09-30\n"+
				"NL,Rocking chair,Chairs,false,2026-03-02,2026-10-01\n", "--monolith", url, "--csv")
		}, first, next, products(), markets())
		c.Exchanges(func(t *testing.T, url string) {
			prints(t, "NL,Rocking chair,Chairs,false,,\n", "--monolith", url, "--product", "1", "--csv")
		}, product(), entriesOfProduct(), markets())
		c.Exchanges(func(t *testing.T, url string) {
			code, stdout, stderr := outcome(t, "--monolith", url, "--product", "404")
			if code != 1 || stdout != "" || stderr != "legacy-report: there is no product 404\n" {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		}, noProduct())
	})
}

// prints fails the test unless the program prints exactly these lines below its header.
func prints(t *testing.T, lines string, args ...string) {
	t.Helper()
	code, stdout, stderr := outcome(t, args...)
	if want := "market,product,category,discontinued,from,until\n" + lines; code != 0 || stdout != want || stderr != "" {
		t.Errorf("exit code %d, stderr %q, stdout\n%s\nwant\n%s", code, stderr, stdout, want)
	}
}

func outcome(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, fault strings.Builder
	code = run(t.Context(), args, &out, &fault)
	return code, out.String(), fault.String()
}

const catalog = "/api/v1/catalog"

// pages are the pages of a catalog that does not fit into one page.
func pages() (first, next pact.Exchange) {
	const cursor = "b3BhcXVl"
	page := pact.Exchange{
		Given: pact.State{Name: "more entries than a page holds"}, Path: catalog, Query: map[string]string{"limit": "200"},
		Status: http.StatusOK, ContentType: "application/json",
	}
	first, next = page, page
	first.Description = "the first page of the catalog"
	first.Headers = map[string]pact.Header{"Link": {
		Example: `<` + catalog + `?cursor=` + cursor + `&limit=200>; rel="next"`, Pattern: `<` + catalog + `\?.*cursor=[^&>]+.*>; rel="next"`}}
	first.Body = pact.List(entry(17, pact.Day("2026-03-01"), pact.Day("2026-09-30")))
	next.Description = "the next page of the catalog"
	next.FromState = map[string]string{"cursor": cursor}
	next.Body = pact.List(entry(17, pact.Day("2026-03-02"), pact.Day("2026-10-01")))
	return first, next
}

func products() pact.Exchange {
	return pact.Exchange{
		Description: "all products", Given: aProduct,
		Path: "/api/v1/product", Query: map[string]string{"include_discontinued": "true", "limit": "200"},
		Status: http.StatusOK, ContentType: "application/json", Body: pact.List(productOf(17)),
	}
}

func markets() pact.Exchange {
	return pact.Exchange{
		Description: "all markets", Given: pact.State{Name: "a market"},
		Path: "/api/v1/market", Query: map[string]string{"limit": "200"},
		Status: http.StatusOK, ContentType: "application/json",
		Body: pact.List(pact.Body{"id": pact.Integer(3), "iso_code": pact.Pattern("NL", `^[A-Z]{2}$`)}),
	}
}

// aProduct is the first product. So its integer id is 1.
var aProduct = pact.State{Name: "a product", Params: map[string]any{"product_uuid": "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"}}

func product() pact.Exchange {
	return pact.Exchange{
		Description: "a product by its id", Given: aProduct, Path: "/api/v1/product/1",
		Status: http.StatusOK, ContentType: "application/json", Body: productOf(1),
	}
}

func entriesOfProduct() pact.Exchange {
	return pact.Exchange{
		Description: "the entries of a product, without dates", Given: pact.State{Name: "an entry without dates"},
		Path: catalog, Query: map[string]string{"product": "1", "limit": "200"},
		Status: http.StatusOK, ContentType: "application/json", Body: pact.List(entry(1, nil, nil)),
	}
}

func noProduct() pact.Exchange {
	return pact.Exchange{
		Description: "a product that does not exist", Given: pact.State{Name: "nothing"}, Path: "/api/v1/product/404",
		Status: http.StatusNotFound, ContentType: "application/problem+json",
		Body: pact.Body{"type": pact.Pattern("https://monsplit.github.io/problems/not-found", `^.*/not-found$`)},
	}
}

// entry has the members of a catalog entry that the report uses.
func entry(product int, start, end any) pact.Body {
	return pact.Body{
		"product": pact.Integer(product), "market": pact.Integer(3), "availability_date": start, "availability_end_date": end,
	}
}

// productOf has the members of a product that the report uses.
func productOf(id int) pact.Body {
	return pact.Body{
		"id": pact.Integer(id), "name": pact.Text("Rocking chair"), "product_category": pact.Text("Chairs"), "discontinued": pact.Bool(false),
	}
}
