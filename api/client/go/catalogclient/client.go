// Package catalogclient is the client of the catalog service: its entries and markets, and its copy of the products. New
// is the way in. Methods, parameters and models are generated from api/catalog/openapi.yaml; errors, options and headers
// are those of package apiclient.
package catalogclient

import (
	"cmp"
	"context"
	"iter"
	"net/http"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
)

// Client calls the catalog service. A method that ends in WithResponse returns the decoded answer, or an error:
// *apiclient.Problem for whatever the service refuses. One that begins with All yields a list over all its pages, of the
// largest size unless Limit says another.
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

// AllEntries yields the catalog entries, a page at a time.
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

// AllMarkets yields the markets, a page at a time.
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

// AllProducts yields the products as they are known here, a page at a time.
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

// PatchEntry changes the members that are given (RFC 7396), under the name that the operation has.
func (c *Client) PatchEntry(ctx context.Context, id uuid.UUID, patch EntryPatch, editors ...RequestEditorFn) (*PatchEntryResponse, error) {
	return c.PatchEntryWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, id, nil, patch, editors...)
}

// PatchMarket changes the members that are given (RFC 7396), under the name that the operation has.
func (c *Client) PatchMarket(ctx context.Context, code ISOCode, patch MarketPatch, editors ...RequestEditorFn) (*PatchMarketResponse, error) {
	return c.PatchMarketWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, code, nil, patch, editors...)
}
