// Package apiclient is what the clients of both services share: how to reach a service, and the conventions that both
// APIs keep for errors, lists, conditional requests and repeated ones.
//
//	client, err := monolithclient.New("http://127.0.0.1:8000", apiclient.WithTimeout(5*time.Second))
//	…
//	for product, err := range client.AllProducts(ctx, monolithclient.ListProductsParams{}) {
//		…
//	}
//	_, err = client.PatchProduct(ctx, 17, patch, apiclient.IfMatch(etag))
//	if apiclient.IsProblem(err, apiclient.Stale) {
//		…
//	}
package apiclient

import (
	"fmt"
	"net/http"
	"net/url"
)

// Configure returns what the generated clients send their requests with. The base URL is where the service's paths
// begin, as in http://127.0.0.1:8000 or https://shop.example/legacy.
func Configure(baseURL string, options ...Option) (*Doer, error) {
	base, err := url.Parse(baseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("base URL %q: want one like http://127.0.0.1:8000", baseURL)
	}
	s := settings{header: http.Header{"Accept": {"application/json, application/problem+json"}}}
	for _, option := range options {
		option(&s)
	}
	return &Doer{client: s.httpClient(), header: s.header}, nil
}

// Doer sends requests and lets through only the answers that an operation describes as its success. Any other is an
// error: a *Problem where the status says so.
type Doer struct {
	client *http.Client
	header http.Header // of every request that has none of that name
}

// Do is the one method that the generated clients need.
func (d *Doer) Do(request *http.Request) (*http.Response, error) {
	for name, values := range d.header {
		if request.Header.Get(name) == "" {
			request.Header[name] = values
		}
	}
	response, err := d.client.Do(request)
	if err != nil {
		return nil, err
	}
	if err := refused(request, response); err != nil {
		_ = response.Body.Close() // what it holds is in the error, or of no use
		return nil, err
	}
	return response, nil
}

// refused says why an answer is not one of success. What no operation describes comes from something other than the
// service, such as a captive portal or a cache: generated code would take it for success without a body.
func refused(request *http.Request, response *http.Response) error {
	switch {
	case response.StatusCode >= http.StatusBadRequest:
		return readProblem(request, response)
	case response.StatusCode == http.StatusNotModified:
		if request.Method == http.MethodGet && request.Header.Get("If-None-Match") != "" {
			return nil
		}
	case response.StatusCode == success(request.Method):
		if response.StatusCode == http.StatusNoContent || isJSON(response) {
			return nil
		}
	}
	return fmt.Errorf("%s %s: answered with status %d and content type %q, as the service never does: is the base URL right?",
		request.Method, request.URL.Redacted(), response.StatusCode, response.Header.Get("Content-Type"))
}

// success is the one status with which a service says that it did what a method asks for.
func success(method string) int {
	switch method {
	case http.MethodPost:
		return http.StatusCreated
	case http.MethodDelete:
		return http.StatusNoContent
	default:
		return http.StatusOK
	}
}
