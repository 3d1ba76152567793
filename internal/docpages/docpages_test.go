package docpages_test

import (
	"encoding/json"
	"html"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/monsplit/monsplit/asyncapi"
	"github.com/monsplit/monsplit/contracts"
	"github.com/monsplit/monsplit/internal/docpages"
	"github.com/monsplit/monsplit/internal/eventschema"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

const openAPI = "info: {title: Things, version: 1.2.3, description: \"All about **things** & `<b>`.\\n\\nNot on the index.\"}"

// render returns the pages' bodies by path.
func render(t *testing.T, change ...func(*docpages.Config)) map[string]string {
	t.Helper()
	cfg := docpages.Config{
		Service: "monolith", Bases: []string{"", "/below"}, API: []string{"/api/v1/thing"},
		OpenAPI: []byte(openAPI), AsyncAPI: asyncapi.Monolith,
	}
	for _, c := range change {
		c(&cfg)
	}
	pages, err := docpages.Pages(cfg)
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{}
	for _, page := range pages {
		bodies[page.Path] = string(page.Body)
	}
	return bodies
}

func withPacts(pacts fs.FS) func(*docpages.Config) {
	return func(c *docpages.Config) { c.Pacts = pacts }
}

// part returns the text of a page between two texts. Newlines and repeated spaces count as one space.
func part(t *testing.T, page, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, from)
	found, _, ends := strings.Cut(rest, to)
	if !ok || !ends {
		t.Fatalf("no %s … %s in\n%s", from, to, page)
	}
	return strings.Join(strings.Fields(found), " ")
}

func contains(t *testing.T, where string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(where, p) {
			t.Errorf("no %s in\n%s", p, where)
		}
	}
}

// Every reference of a page to its own server leads to a page, or to one of the server's own endpoints.
func TestEveryReferenceLeadsSomewhere(t *testing.T) {
	t.Parallel()
	pages := render(t)
	known := slices.Collect(maps.Keys(pages))
	for _, base := range []string{"", "/below"} {
		known = append(known, base+"/", base+"/openapi.yaml", base+"/asyncapi.yaml", base+"/livez", base+"/readyz", base+"/metrics")
	}
	known = append(known, "/api/v1/thing")
	reference := regexp.MustCompile(`(?:href|src|data-document)="([^"]*)"`)
	for path, body := range pages {
		if !strings.HasPrefix(body, "<!doctype html>") {
			continue
		}
		found := reference.FindAllStringSubmatch(body, -1)
		if len(found) < 5 {
			t.Errorf("%s refers to nothing", path)
		}
		for _, f := range found {
			if anchor, ok := strings.CutPrefix(f[1], "#"); ok {
				contains(t, body, ` id="`+anchor+`"`)
			} else if !slices.Contains(known, f[1]) {
				t.Errorf("%s refers to %s, which does not exist", path, f[1])
			} else if strings.HasPrefix(path, "/below") != strings.HasPrefix(f[1], "/below") && f[1] != "/api/v1/thing" {
				t.Errorf("%s refers to %s, which is below another base", path, f[1])
			}
		}
	}
}

// The content security policy of the pages forbids all of these.
func TestPagesKeepToTheirPolicy(t *testing.T) {
	t.Parallel()
	forbidden := regexp.MustCompile(`<style|<script>|<script [^>]*>[^<]|\sstyle=|\son[a-z]+=|javascript:|https?://`)
	for path, body := range render(t) {
		if !strings.HasPrefix(body, "<!doctype html>") {
			continue
		}
		for _, pre := range regexp.MustCompile(`(?s)<(pre|code)\b.*?</(pre|code)>`).FindAllString(body, -1) {
			body = strings.ReplaceAll(body, pre, "")
		}
		if found := forbidden.FindString(body); found != "" {
			t.Errorf("%s contains %s", path, found)
		}
	}
}

func TestIndex(t *testing.T) {
	t.Parallel()
	index := render(t)["/below"]
	contains(t, index, "<h1>Things</h1>", "All about <strong>things</strong> &amp; <code>&lt;b&gt;</code>.", "OpenAPI, version 1.2.3")
	if strings.Contains(index, "Not on the index") {
		t.Error("the whole description is there")
	}
}

// The page shows each message, and every example of the document without changes.
func TestMessagesAndExamples(t *testing.T) {
	t.Parallel()
	for service, document := range services.AsyncAPI(t) {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			page := render(t, func(c *docpages.Config) { c.Service, c.AsyncAPI = service, document })["/docs/events"]
			events, err := eventschema.NewEvents(document)
			if err != nil {
				t.Fatal(err)
			}
			shown := regexp.MustCompile(`(?s)<pre class="payload"[^>]*>(.*?)</pre>`).FindAllStringSubmatch(page, -1)
			if len(shown) != len(events.Examples()) {
				t.Errorf("%d examples, want %d", len(shown), len(events.Examples()))
			}
			types := map[string]bool{}
			for _, s := range shown {
				text := []byte(html.UnescapeString(s[1]))
				var e struct{ Type string }
				if err := json.Unmarshal(text, &e); err != nil {
					t.Fatalf("%v: %s", err, text)
				}
				types[e.Type] = true
				if err := events.Validate(e.Type, text); err != nil {
					t.Error(err)
				}
				contains(t, page, "<dt>Type</dt><dd><code>"+e.Type+"</code>")
			}
			if got := slices.Sorted(maps.Keys(types)); !slices.Equal(got, events.Types()) {
				t.Errorf("examples of %q, want %q", got, events.Types())
			}
		})
	}
}

func TestPageOfAMessage(t *testing.T) {
	t.Parallel()
	page := render(t, func(c *docpages.Config) { c.AsyncAPI = asyncapi.Catalog })["/docs/events"]
	contains(t, part(t, page, `id="channel-market"`, "<article"), "<code>monsplit.market.v1</code>",
		"<code>partitions</code></dt><dd>12</dd>", "<code>cleanup.policy</code></dt><dd>compact</dd>")
	message := part(t, page, `<article class="message" id="MarketCreated"`, "</article>")
	contains(t, message, "string, matches <code>^[A-Z]{2}$</code>",
		`<span class="parent">data.</span>name</code></th> <td role="cell"><span class="type">string</span><span class="constraints">1 to 80 characters</span></td> <td role="cell"><p>The English name.</p>`,
		`</span>type</code></th> <td role="cell"><span class="type">string</span><span class="constraints">always <code>monsplit.market.created.v1</code></span></td> <td role="cell"><p>The kind of change of the aggregate`,
		`</span>traceparent</code> <span class="optional">optional</span>`,
		`content-type: application/cloudevents&#43;json ce_id: `)
	contains(t, part(t, page, `<article class="message" id="CatalogEntryCreated"`, "</article>"),
		`availability_date</code></th> <td role="cell"><span class="type">string or null</span><span class="constraints">format <code>date</code>`)
}

func TestConsumers(t *testing.T) {
	t.Parallel()
	pacts := withPacts(os.DirFS("testdata"))
	page := render(t, pacts)["/docs/events"]
	created := part(t, page, `<article class="message" id="ProductCreated"`, "</article>")
	contains(t, created, `<span class="pill">catalog</span> expects <q>a product was created</q>, when there is no product`,
		"<code>aggregateversion</code>, <code>data.name</code>, <code>data.product_uuid</code>, <code>type</code>")
	contains(t, part(t, created, `</span>name</code>`, "</tr>"), `read by <span class="pill">catalog</span>`)
	if strings.Contains(part(t, created, `</span>product_category</code>`, "</tr>"), "read by") {
		t.Error("the page says that a consumer reads a member that no consumer reads")
	}
	contains(t, part(t, page, `<article class="message" id="ProductDeleted"`, "</article>"), "<q>a product was deleted</q>", "<code>subject</code>")
	contains(t, part(t, page, `<article class="message" id="ProductUpdated"`, "</article>"), "No consumer has published what it expects of this message.")
	contains(t, page, "<p>Consumers expect these messages, but this service does not describe them:</p>")
	contains(t, page, "<q>a product was moved</q>", "and reads <code>data.parts[].size</code>, <code>type</code>")
	if strings.Contains(page, "a request for one product") {
		t.Error("an HTTP interaction is shown as a message")
	}

	other := render(t, pacts, func(c *docpages.Config) { c.Service, c.AsyncAPI = "catalog", asyncapi.Catalog })["/docs/events"]
	for _, page := range []string{other, render(t)["/docs/events"], render(t, withPacts(fstest.MapFS{}))["/docs/events"]} {
		contains(t, page, "No consumer has published what it expects of these events yet.")
	}
}

// The pages of the services show a consumer of each message, requests and outcomes included.
func TestCommittedContracts(t *testing.T) {
	t.Parallel()
	for service, tt := range map[string]struct {
		document               []byte
		topic, message, reader string
		shown                  []string // in the message
	}{
		"monolith": {asyncapi.Monolith, `id="channel-catalogEntryRequest"`, "CatalogEntryChangeRequested", "catalog", []string{
			"<code>monsplit.catalog-entry.change-requested.v1</code>", "<q>a request to delete an entry</q>", "when an entry",
			"<code>data.if_match[]</code>", "<code>data.values.availability_end_date</code>",
		}},
		"catalog": {asyncapi.Catalog, `id="channel-catalogEntryOutcome"`, "CatalogEntryChangeDecided", "monolith", []string{
			"<code>monsplit.catalog-entry.change-decided.v1</code>", "<q>the outcome of a refused request</q>", "when an entry that a request is about",
			"<code>data.problem.errors[].pointer</code>",
		}},
	} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			page := render(t, withPacts(contracts.Pacts), func(c *docpages.Config) { c.Service, c.AsyncAPI = service, tt.document })["/docs/events"]
			for _, gap := range []string{"No consumer has published", "but this service does not describe them"} {
				if strings.Contains(page, gap) {
					t.Errorf("the page says %q", gap)
				}
			}
			contains(t, part(t, page, tt.topic, "<article"), "<code>cleanup.policy</code></dt><dd>delete</dd>", "<code>retention.ms</code></dt><dd>3283200000</dd>")
			message := part(t, page, `<article class="message" id="`+tt.message+`"`, "</article>")
			contains(t, message, tt.shown...)
			contains(t, message, `<span class="pill">`+tt.reader+`</span> expects`, `read by <span class="pill">`+tt.reader+`</span>`)
		})
	}
}

func TestUnreadableDocumentsAreErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*docpages.Config)
		want   string
	}{
		"OpenAPI":  {func(c *docpages.Config) { c.OpenAPI = []byte("[") }, "read the OpenAPI document"},
		"AsyncAPI": {func(c *docpages.Config) { c.AsyncAPI = []byte("channels: []") }, "line 1: not a mapping"},
		"Message": {func(c *docpages.Config) {
			c.AsyncAPI = []byte("channels: {a: {messages: {b: {$ref: '#/components/messages/b'}}}}")
		}, "there is no message #/components/messages/b"},
		"Schema": {func(c *docpages.Config) {
			c.AsyncAPI = []byte("channels: {a: {messages: {b: {$ref: '#/components/messages/b'}}}}\n" +
				"components: {messages: {b: {payload: {$ref: '#/components/schemas/c'}}}}")
		}, "message b: there is no schema #/components/schemas/c"},
		"Endless": {func(c *docpages.Config) {
			c.AsyncAPI = []byte("channels: {a: {messages: {b: {$ref: '#/components/messages/b'}}}}\n" +
				"components: {messages: {b: {payload: {$ref: '#/components/schemas/c'}}}, schemas: {c: {$ref: '#/components/schemas/c'}}}")
		}, "too deep"},
		"Pact":    {withPacts(fstest.MapFS{"x/a.json": {Data: []byte("{")}}), "the pact file x/a.json"},
		"Content": {withPacts(fstest.MapFS{"a.json": {Data: []byte(`{"provider": {"name": "monolith"}, "interactions": [{"type": "Asynchronous/Messages", "description": "it", "contents": {"content": "?", "encoded": "base64"}}]}`)}}), "it: illegal base64"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := docpages.Config{Service: "monolith", Bases: []string{""}, OpenAPI: []byte(openAPI), AsyncAPI: asyncapi.Monolith}
			tt.change(&cfg)
			if _, err := docpages.Pages(cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want %q", err, tt.want)
			}
		})
	}
}

// The index leads to health and metrics only if they are at the same address.
func TestTheIndexLeavesOutWhatIsElsewhere(t *testing.T) {
	t.Parallel()
	for _, apart := range []bool{false, true} {
		pages := render(t, func(c *docpages.Config) { c.OperationsApart = apart })
		if index := pages["/below"]; strings.Contains(index, "/readyz") == apart || strings.Contains(index, "/metrics") == apart {
			t.Errorf("apart %t: %s", apart, index)
		}
	}
}
