package monolithclient_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

const location = "/api/v1/catalog-change/0198c0de-9d55-7e31-8b60-2c7a4f5e1d08"

// transport answers a request with a status, a Retry-After and a body.
type transport func() (status int, retryAfter, body string)

func (answer transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != location {
		return nil, errors.New("read " + r.URL.Path)
	}
	status, retryAfter, body := answer()
	header := http.Header{"Content-Type": {"application/json"}}
	if retryAfter != "" {
		header.Set("Retry-After", retryAfter)
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func client(t *testing.T, answer transport) *monolithclient.Client {
	t.Helper()
	c, err := monolithclient.New("http://monolith", apiclient.WithHTTPClient(&http.Client{Transport: answer}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A change is read as often as the service says, until it is finished.
func TestAwaitCatalogChange(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		last    string // what follows two answers of a change that is pending, and one of a service that is away
		problem string
	}{
		"Done":    {last: `{"state":"done","version":4}`},
		"Refused": {`{"state":"refused","problem":{"type":"https://x.example/stale","title":"Precondition Failed","status":412}}`, "412 Precondition Failed"},
		"RefusedForAReason": {`{"state":"refused","problem":{"type":"https://x.example/invalid","title":"Bad","status":422,"detail":"No.",` +
			`"request_id":"r","errors":[{"pointer":"/market","detail":"is unknown"}]}}`, "422 Bad: No. /market is unknown (request r)"},
		"RefusedWithoutAReason": {`{"state":"refused"}`, "0 Refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				reads := 0
				c := client(t, func() (int, string, string) {
					switch reads++; reads {
					case 1:
						return http.StatusOK, "2", `{"state":"pending"}`
					case 2:
						return http.StatusOK, "", `{"state":"pending"}`
					case 3:
						return http.StatusServiceUnavailable, "5", `{}`
					default:
						return http.StatusOK, "", tt.last
					}
				})
				began := time.Now()
				change, err := c.AwaitCatalogChange(t.Context(), location)
				if took := time.Since(began); took != 8*time.Second || reads != 4 {
					t.Errorf("%d reads in %v", reads, took)
				}
				if change == nil || (err == nil) != (tt.problem == "") {
					t.Fatalf("%+v, %v", change, err)
				}
				if problem, ok := errors.AsType[*apiclient.Problem](err); err != nil && (!ok || problem.Error() != tt.problem) {
					t.Errorf("error %q, want %q", err, tt.problem)
				}
			})
		})
	}
}

// The end of the context ends the wait, and the caller learns what was known.
func TestAwaitCatalogChangeGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := client(t, func() (int, string, string) { return http.StatusOK, "2", `{"state":"pending","overdue":true}` })
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		change, err := c.AwaitCatalogChange(ctx, location)
		if !errors.Is(err, context.DeadlineExceeded) || change == nil || !change.Overdue {
			t.Errorf("%+v, %v", change, err)
		}
	})
	c := client(t, func() (int, string, string) { return http.StatusNotFound, "", `{"type":"https://x.example/not-found"}` })
	if change, err := c.AwaitCatalogChange(t.Context(), location); change != nil || !apiclient.IsProblem(err, apiclient.NotFound) {
		t.Errorf("%+v, %v", change, err)
	}
	for _, address := range []string{"", "/api/v1/catalog/5", location + "/", "https://shop.example/legacy" + location} {
		_, err := monolithclient.CatalogChangeID(address)
		if valid := strings.Contains(address, "catalog-change"); (err == nil) != valid {
			t.Errorf("%q: %v", address, err)
		}
	}
}
