// Package monolithclient is the client of the monolith: its products, and the catalog in the shape that old integrations
// know. New is the way in. Methods, parameters and models are generated from api/monolith/openapi.yaml; errors, options
// and headers are those of package apiclient.
package monolithclient

import (
	"cmp"
	"context"
	"iter"
	"net/http"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
)

// Client calls the monolith. A method that ends in WithResponse returns the decoded answer, or an error:
// *apiclient.Problem for whatever the service refuses. One that begins with All yields a list over all its pages, of the
// largest size unless Limit says another.
type Client struct{ *ClientWithResponses }

// New returns a client of the monolith at the base URL, such as http://127.0.0.1:8000.
func New(baseURL string, options ...apiclient.Option) (*Client, error) {
	doer, err := apiclient.Configure(baseURL, options...)
	if err != nil {
		return nil, err
	}
	generated, err := newClientWithResponses(baseURL, withHTTPClient(doer))
	if err != nil {
		return nil, err
	}
	return &Client{generated}, nil
}

// AllProducts yields the products, a page at a time.
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

// AllCatalog yields the catalog entries in their legacy shape, a page at a time.
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

// AllMarkets yields the markets in their legacy shape, a page at a time.
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

// PatchProduct changes the members that are given (RFC 7396), under the name that the operation has.
func (c *Client) PatchProduct(ctx context.Context, id ID, patch ProductPatch, editors ...RequestEditorFn) (*PatchProductResponse, error) {
	return c.PatchProductWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, id, nil, patch, editors...)
}
