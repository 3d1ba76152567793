// Package catalogclient is the client of the catalog service: its entries and markets, and its copy of the products. Start
// with New. Methods, parameters and models are generated from api/catalog/openapi.yaml. Errors, options and headers are in
// package apiclient.
package catalogclient

import (
	"cmp"
	"context"
	"iter"
	"net/http"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
)

// Client calls the catalog service. A method that ends in WithResponse returns the decoded answer or an error. The error is
// an *apiclient.Problem if the service refused the request. A method that begins with All yields all items of a list. It
// reads pages of the maximum size, unless Limit is set.
type Client struct{ *ClientWithResponses }

// New returns a client of the catalog service at the base URL, such as http://127.0.0.1:8001.
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

// AllEntries yields the catalog entries. It reads them page by page.
func (c *Client) AllEntries(ctx context.Context, params ListEntriesParams) iter.Seq2[Entry, error] {
	return apiclient.All(params.Cursor, func(cursor *string) (*[]Entry, http.Header, error) {
		page := params
		page.Cursor, page.Limit = cursor, cmp.Or(params.Limit, new(apiclient.MaxLimit))
		answer, err := c.ListEntriesWithResponse(ctx, &page)
		if err != nil {
			return nil, nil, err
		}
		return answer.JSON200, answer.HTTPResponse.Header, nil
	})
}

// AllMarkets yields the markets. It reads them page by page.
func (c *Client) AllMarkets(ctx context.Context, params ListMarketsParams) iter.Seq2[Market, error] {
	return apiclient.All(params.Cursor, func(cursor *string) (*[]Market, http.Header, error) {
		page := params
		page.Cursor, page.Limit = cursor, cmp.Or(params.Limit, new(apiclient.MaxLimit))
		answer, err := c.ListMarketsWithResponse(ctx, &page)
		if err != nil {
			return nil, nil, err
		}
		return answer.JSON200, answer.HTTPResponse.Header, nil
	})
}

// AllProducts yields the catalog service's copy of the products. It reads them page by page.
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

// PatchEntry changes the members that are set in the patch (RFC 7396). It has the name of the operation.
func (c *Client) PatchEntry(ctx context.Context, id uuid.UUID, patch EntryPatch, editors ...RequestEditorFn) (*PatchEntryResponse, error) {
	return c.PatchEntryWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, id, nil, patch, editors...)
}

// PatchMarket changes the members that are set in the patch (RFC 7396). It has the name of the operation.
func (c *Client) PatchMarket(ctx context.Context, code ISOCode, patch MarketPatch, editors ...RequestEditorFn) (*PatchMarketResponse, error) {
	return c.PatchMarketWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, code, nil, patch, editors...)
}
