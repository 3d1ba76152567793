//go:build pact

package pact

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"

	"github.com/pact-foundation/pact-go/v2/consumer"
	"github.com/pact-foundation/pact-go/v2/matchers"
	"github.com/pact-foundation/pact-go/v2/models"
)

// Exchange is a GET request of the consumer, and what it uses of the answer.
type Exchange struct {
	Description string
	Given       State
	Path        string
	Query       map[string]string
	// FromState holds query parameters whose values the provider's state sets, by name. The values here are examples.
	FromState map[string]string

	Status      int
	ContentType string
	Headers     map[string]Header
	Body        any
}

// Header is an example of a header, and a pattern that all valid values match.
type Header struct{ Example, Pattern string }

// Exchanges adds requests to the contract. The consumer must then make exactly these requests, in any order, to a provider
// that answers with the examples. A request may be in the contract already.
func (c *Contract) Exchanges(use func(t *testing.T, url string), exchanges ...Exchange) {
	c.t.Helper()
	var made, met bool
	for _, e := range exchanges {
		if c.declared[e.Description] {
			continue
		}
		c.interaction(e.Description, func(t *testing.T) {
			if !made { // by the first interaction that is run
				made, met = true, c.make(t, exchanges, use)
			}
			if !met {
				t.Fatal("what the consumer asks for together with this failed")
			}
			c.met++
		})
	}
}

func (c *Contract) make(t *testing.T, exchanges []Exchange, use func(t *testing.T, url string)) bool {
	t.Helper()
	expected, err := consumer.NewV4Pact(consumer.MockHTTPProviderConfig{
		Consumer: c.consumer, Provider: c.provider, PactDir: c.dir, Host: "127.0.0.1",
	})
	if err != nil {
		t.Error(err)
		return false
	}
	for _, e := range exchanges {
		body, err := json.Marshal(e.Body)
		if err != nil {
			t.Error(err)
			return false
		}
		expected.AddInteraction().
			GivenWithParameter(models.ProviderState{Name: e.Given.Name, Parameters: e.Given.Params}).
			UponReceiving(e.Description).
			WithRequest(consumer.Method("GET"), e.Path, e.request).
			WillRespondWith(e.Status, func(b *consumer.V4ResponseBuilder) { e.response(b).Body(e.ContentType, body) })
	}
	err = expected.ExecuteTest(t, func(server consumer.MockServerConfig) error {
		use(t, fmt.Sprintf("http://%s:%d", server.Host, server.Port))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return !t.Failed()
}

// request and response add members in a fixed order, so that the text of the contract is the same each time.

func (e Exchange) request(b *consumer.V4RequestBuilder) {
	for _, name := range slices.Sorted(maps.Keys(e.Query)) {
		b.Query(name, matchers.S(e.Query[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(e.FromState)) {
		b.Query(name, matchers.FromProviderState("${"+name+"}", e.FromState[name]))
	}
}

func (e Exchange) response(b *consumer.V4ResponseBuilder) *consumer.V4ResponseBuilder {
	for _, name := range slices.Sorted(maps.Keys(e.Headers)) {
		b.Header(name, matchers.Regex(e.Headers[name].Example, e.Headers[name].Pattern))
	}
	return b
}

var next = regexp.MustCompile(`<([^>]+)>; rel="next"`)

// NextCursor requests a page of a list from a provider, and returns the cursor of the next page.
func NextCursor(ctx context.Context, page string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	link := next.FindStringSubmatch(answer.Header.Get("Link"))
	if link == nil {
		return "", fmt.Errorf("GET %s: %s, with no link to a next page", page, answer.Status)
	}
	target, err := url.Parse(link[1])
	if err != nil {
		return "", err
	}
	return target.Query().Get("cursor"), nil
}
