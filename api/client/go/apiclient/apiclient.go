// Package apiclient is what the clients of both services share: how to reach a service, and the conventions that both
// APIs keep for errors, lists, conditional requests and repeated ones.
//
//	client, err := monolithclient.New("http://127.0.0.1:8000", apiclient.WithTimeout(5*time.Second))
//	…
//	for product, err := range client.AllProducts(ctx, monolithclient.ListProductsParams{}) {
//		…
//	}
//	_, err = client.PatchProduct(ctx, 17, patch, apiclient.IfMatch(etag))
//	if problem, ok := errors.AsType[*apiclient.Problem](err); ok && problem.Name() == "stale" {
//		…
//	}
package apiclient

import (
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// DefaultTimeout bounds a request, from the connection to the last byte of the answer, unless an option says otherwise.
const DefaultTimeout = 30 * time.Second

// Option sets how a client reaches its service.
type Option func(*http.Client)

// WithHTTPClient uses the transport, cookies, redirects and time-out of another client, which is left as it is.
// WithTimeout after it changes the time-out.
func WithHTTPClient(other *http.Client) Option {
	return func(c *http.Client) { *c = *other }
}

// WithTimeout bounds each request, from the connection to the last byte of the answer. 0 is no bound but the context's.
func WithTimeout(limit time.Duration) Option {
	return func(c *http.Client) { c.Timeout = limit }
}

// Configure returns what the generated clients send their requests with. The base URL is where the service's paths
// begin, as in http://127.0.0.1:8000 or https://shop.example/legacy.
func Configure(baseURL string, options ...Option) (*Doer, error) {
	base, err := url.Parse(baseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("base URL %q: want one like http://127.0.0.1:8000", baseURL)
	}
	client := &http.Client{Timeout: DefaultTimeout}
	for _, option := range options {
		option(client)
	}
	return &Doer{client: client}, nil
}

// Doer sends requests and lets through only the answers that an operation describes as its success. Any other is an
// error: a *Problem where the status says so.
type Doer struct{ client *http.Client }

// Do is the one method that the generated clients need.
func (d *Doer) Do(request *http.Request) (*http.Response, error) {
	if request.Header.Get("Accept") == "" {
		request.Header.Set("Accept", "application/json, application/problem+json")
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

// refused says why an answer is not one of success. One that is no JSON comes from something other than the service,
// such as a captive portal: generated code would take it for success without a body.
func refused(request *http.Request, response *http.Response) error {
	switch {
	case response.StatusCode >= http.StatusBadRequest:
		return readProblem(request, response)
	case response.StatusCode == http.StatusNoContent, response.StatusCode == http.StatusNotModified:
		return nil
	case response.StatusCode < http.StatusMultipleChoices && isJSON(response):
		return nil
	}
	return fmt.Errorf("%s %s: answered with status %d and content type %q, as the service never does: is the base URL right?",
		request.Method, request.URL.Redacted(), response.StatusCode, response.Header.Get("Content-Type"))
}
