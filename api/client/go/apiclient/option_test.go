package apiclient_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/catalogclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"http://127.0.0.1:8000": true, "https://shop.example/legacy/": true, "https://shop.example/legacy": true,
		"": false, "localhost:8000": false, "ftp://shop.example": false, "http://": false, "http://shop.example?x=1": false, "http://a b": false,
	} {
		_, monolith := monolithclient.New(url)
		_, catalog := catalogclient.New(url)
		if ok != (monolith == nil) || ok != (catalog == nil) {
			t.Errorf("%q: %v, %v", url, monolith, catalog)
		}
	}
}

// The time-out covers the body too, and the caller's client does not change.
func TestTimeout(t *testing.T) {
	t.Parallel()
	with, limit := apiclient.WithHTTPClient, apiclient.WithTimeout
	for name, tt := range map[string]struct {
		options func(hangs *http.Client) []apiclient.Option
		want    time.Duration
	}{
		"Default": {func(c *http.Client) []apiclient.Option { return []apiclient.Option{with(c)} }, 30 * time.Second},
		"After":   {func(c *http.Client) []apiclient.Option { return []apiclient.Option{with(c), limit(3 * time.Second)} }, 3 * time.Second},
		"Before":  {func(c *http.Client) []apiclient.Option { return []apiclient.Option{limit(3 * time.Second), with(c)} }, 3 * time.Second},
		"OfTheClient": {func(c *http.Client) []apiclient.Option {
			c.Timeout = 5 * time.Second
			return []apiclient.Option{with(c)}
		}, 5 * time.Second},
		"OverTheClients": {func(c *http.Client) []apiclient.Option {
			c.Timeout = 5 * time.Second
			return []apiclient.Option{limit(3 * time.Second), with(c)}
		}, 3 * time.Second},
		"OnlyOfTheContext": {func(c *http.Client) []apiclient.Option { return []apiclient.Option{limit(0), with(c)} }, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				never, write := io.Pipe()
				defer write.Close()
				given := &http.Client{Transport: roundTripper(func(request *http.Request) (*http.Response, error) {
					go func() {
						<-request.Context().Done()
						_ = write.CloseWithError(request.Context().Err()) // never fails
					}()
					return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: never, Request: request}, nil
				})}
				options := tt.options(given)
				before := given.Timeout
				client := must(catalogclient.New("http://shop.example", options...))
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				began := time.Now()
				if _, err := client.ListMarketsWithResponse(ctx, nil); err == nil || time.Since(began) != tt.want {
					t.Errorf("after %s: %v, want %s", time.Since(began), err, tt.want)
				}
				if given.Timeout != before {
					t.Error("the caller's client was changed")
				}
			})
		})
	}
}

func TestNilClientHasNoEffect(t *testing.T) {
	t.Parallel()
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`[]`)) // to a test
	}))
	defer served.Close()
	client := must(catalogclient.New(served.URL, apiclient.WithHTTPClient(nil)))
	if _, err := client.ListMarketsWithResponse(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// Every request has the headers of the client, except those that the request sets itself.
func TestHeaders(t *testing.T) {
	t.Parallel()
	var got http.Header
	client := must(monolithclient.New("http://shop.example",
		apiclient.WithToken("secret"), apiclient.WithHeader("If-Match", `"1"`),
		apiclient.WithHeader("X-Team", "a"), apiclient.WithHeader("X-Team", "b"),
		apiclient.WithHTTPClient(&http.Client{Transport: roundTripper(func(request *http.Request) (*http.Response, error) {
			got = request.Header
			return answer{204, "", nil, ""}.RoundTrip(request)
		})})))
	for _, tt := range []struct {
		params  *monolithclient.DeleteProductParams
		editors []monolithclient.RequestEditorFn
		want    string
	}{
		{nil, nil, `"1"`},
		{&monolithclient.DeleteProductParams{IfMatch: new(`"2"`)}, nil, `"2"`},
		{nil, []monolithclient.RequestEditorFn{apiclient.IfMatch(`"3"`)}, `"3"`},
		{nil, []monolithclient.RequestEditorFn{apiclient.IfMatch(`W/"4"`)}, `"4"`}, // a compressing proxy's
		{nil, nil, `"1"`},
	} {
		if _, err := client.DeleteProductWithResponse(t.Context(), 7, tt.params, tt.editors...); err != nil {
			t.Fatal(err)
		}
		want := http.Header{"Accept": {"application/json, application/problem+json"}, "Authorization": {"Bearer secret"}, "If-Match": {tt.want}, "X-Team": {"b"}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
