// Package apiclient has the parts that the clients of both services share: how to reach a service, and the conventions of
// both APIs for errors, lists, conditional requests and repeated requests.
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

// Configure returns the Doer with which a generated client sends its requests. The base URL is the address before the
// service's paths, such as http://127.0.0.1:8000 or https://shop.example/legacy.
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

// Doer sends requests. It returns only the answers that the document describes as successful. Any other answer is an error,
// and it is a *Problem if the status is 400 or above.
type Doer struct {
	client *http.Client
	header http.Header // added to every request that does not have a header of the same name
	later  func(*http.Request) bool
}

// Later sets which changes the service may carry out later: it answers them with 202.
func (d *Doer) Later(may func(*http.Request) bool) { d.later = may }

// Do sends a request. The generated clients need no other method.
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
	if d.accepted(request, response) {
		return response, nil
	}
	if err := refused(request, response); err != nil {
		_ = response.Body.Close() // the error already has its content, or the content is not needed
		return nil, err
	}
	return response, nil
}

// accepted reports whether the service will carry out the request later. The answer to a deletion has no content.
func (d *Doer) accepted(request *http.Request, response *http.Response) bool {
	return response.StatusCode == http.StatusAccepted && d.later != nil && d.later(request) &&
		(isJSON(response) || request.Method == http.MethodDelete)
}

// refused returns an error if an answer is not successful. An answer that no operation describes does not come from the
// service, but for example from a captive portal or a cache. Generated code would take it as a success without a body.
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

// success returns the status of a successful answer to a method.
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
