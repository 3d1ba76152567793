// Package monolithclient is the client of the monolith: its products, and the catalog in the shape that old integrations
// know. Start with New. Methods, parameters and models are generated from api/monolith/openapi.yaml. Errors, options and
// headers are in package apiclient.
package monolithclient

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
)

// Client calls the monolith. A method that ends in WithResponse returns the decoded answer or an error. The error is an
// *apiclient.Problem if the service refused the request. A method that begins with All yields all items of a list. It reads
// pages of the maximum size, unless Limit is set.
type Client struct{ *ClientWithResponses }

// New returns a client of the monolith at the base URL, such as http://127.0.0.1:8000.
func New(baseURL string, options ...apiclient.Option) (*Client, error) {
	doer, err := apiclient.Configure(baseURL, options...)
	if err != nil {
		return nil, err
	}
	doer.Later(changesCatalog)
	generated, err := newClientWithResponses(baseURL, withHTTPClient(doer))
	if err != nil {
		return nil, err
	}
	return &Client{generated}, nil
}

// changesCatalog reports whether a request changes the catalog. Another service owns the catalog, so the answer may be 202:
// JSON202 has the entry as it was asked for, and Headers202.Location the address of the request (GetCatalogChange).
func changesCatalog(request *http.Request) bool {
	return request.Method != http.MethodGet && strings.Contains(request.URL.Path, "/api/v1/catalog")
}

// AllProducts yields the products. It reads them page by page.
func (c *Client) AllProducts(ctx context.Context, params ListProductsParams) iter.Seq2[Product, error] {
	return apiclient.All(params.Cursor, func(cursor *string) (*[]Product, http.Header, error) {
		page := params
		page.Cursor, page.Limit = cursor, cmp.Or(params.Limit, new(apiclient.MaxLimit))
		answer, err := c.ListProductsWithResponse(ctx, &page)
		if err != nil {
			return nil, nil, err
		}
		return answer.JSON200, answer.HTTPResponse.Header, nil
	})
}

// AllCatalog yields the catalog entries in their legacy shape. It reads them page by page.
func (c *Client) AllCatalog(ctx context.Context, params ListCatalogParams) iter.Seq2[LegacyEntry, error] {
	return apiclient.All(params.Cursor, func(cursor *string) (*[]LegacyEntry, http.Header, error) {
		page := params
		page.Cursor, page.Limit = cursor, cmp.Or(params.Limit, new(apiclient.MaxLimit))
		answer, err := c.ListCatalogWithResponse(ctx, &page)
		if err != nil {
			return nil, nil, err
		}
		return answer.JSON200, answer.HTTPResponse.Header, nil
	})
}

// AllMarkets yields the markets in their legacy shape. It reads them page by page.
func (c *Client) AllMarkets(ctx context.Context, params ListMarketsParams) iter.Seq2[LegacyMarket, error] {
	return apiclient.All(params.Cursor, func(cursor *string) (*[]LegacyMarket, http.Header, error) {
		page := params
		page.Cursor, page.Limit = cursor, cmp.Or(params.Limit, new(apiclient.MaxLimit))
		answer, err := c.ListMarketsWithResponse(ctx, &page)
		if err != nil {
			return nil, nil, err
		}
		return answer.JSON200, answer.HTTPResponse.Header, nil
	})
}

// PatchCatalog asks for the members that are set in the patch to be changed (RFC 7396). It has the name of the operation. The
// answer has JSON200, or JSON202 if the outcome is not known yet.
func (c *Client) PatchCatalog(ctx context.Context, id ID, patch LegacyEntryPatch, editors ...RequestEditorFn) (*PatchCatalogResponse, error) {
	return c.PatchCatalogWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, id, nil, patch, editors...)
}

// PatchProduct changes the members that are set in the patch (RFC 7396). It has the name of the operation.
func (c *Client) PatchProduct(ctx context.Context, id ID, patch ProductPatch, editors ...RequestEditorFn) (*PatchProductResponse, error) {
	return c.PatchProductWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, id, nil, patch, editors...)
}
