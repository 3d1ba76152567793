// Package api_test examines the OpenAPI documents.
package api_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/monsplit/monsplit/internal/testkit/services"
)

func documents(t *testing.T) map[string]*openapi3.T {
	t.Helper()
	docs := map[string]*openapi3.T{}
	for name, data := range services.OpenAPI(t) {
		doc, err := openapi3.NewLoader().LoadFromData(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		docs[name] = doc
	}
	return docs
}

func TestDocumentsAndTheirExamplesAreValid(t *testing.T) {
	t.Parallel()
	for name, doc := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEverythingIsDescribed checks that everything in the documents has a description, that every body has an example, and
// that every operation lists the answers of its failures.
func TestEverythingIsDescribed(t *testing.T) {
	t.Parallel()
	for name, doc := range documents(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for path, item := range doc.Paths.Map() {
				for method, op := range item.Operations() {
					describedOperation(t, method+" "+path, item, op)
				}
			}
			for name, schema := range doc.Components.Schemas {
				described(t, "schema "+name, schema.Value.Description)
				for member, property := range schema.Value.Properties {
					described(t, "schema "+name+", "+member, property.Value.Description)
				}
			}
			for name, response := range doc.Components.Responses {
				describedResponse(t, "response "+name, response.Value)
			}
		})
	}
}

func described(t *testing.T, what, description string) {
	t.Helper()
	if strings.TrimSpace(description) == "" {
		t.Errorf("%s is not described", what)
	}
}

func describedOperation(t *testing.T, what string, item *openapi3.PathItem, op *openapi3.Operation) {
	t.Helper()
	if !regexp.MustCompile(`^[a-z][A-Za-z]+$`).MatchString(op.OperationID) || len(op.Tags) != 1 {
		t.Errorf("%s: operationId %q, tags %q", what, op.OperationID, op.Tags)
	}
	described(t, what, op.Description)
	described(t, what+" (summary)", op.Summary)
	for _, p := range slices.Concat(item.Parameters, op.Parameters) {
		described(t, what+", parameter "+p.Value.Name, p.Value.Description)
		if p.Value.Example == nil && len(p.Value.Examples) == 0 {
			t.Errorf("%s: no example of parameter %s", what, p.Value.Name)
		}
	}
	statuses := []string{"default"}
	if op.RequestBody != nil {
		described(t, what+", body", op.RequestBody.Value.Description)
		for media, content := range op.RequestBody.Value.Content {
			if content.Schema != nil && len(content.Examples) == 0 {
				t.Errorf("%s: no example of a %s body", what, media)
			}
		}
	}
	succeeds := slices.ContainsFunc([]string{"200", "201", "204"}, func(s string) bool { return op.Responses.Value(s) != nil })
	if !succeeds {
		statuses = append(statuses, "409")
	} else {
		statuses = append(statuses, "503")
		if op.RequestBody != nil {
			statuses = append(statuses, "400", "413", "415", "422")
		}
		if op.Responses.Value("204") == nil {
			statuses = append(statuses, "406")
		}
	}
	if strings.HasSuffix(what, "}") {
		statuses = append(statuses, "404")
	}
	for _, p := range op.Parameters {
		switch p.Value.Name {
		case "cursor":
			statuses = append(statuses, "400", "422")
		case "If-Match":
			statuses = append(statuses, "412")
		case "If-None-Match":
			statuses = append(statuses, "304")
		case "Idempotency-Key":
			statuses = append(statuses, "409")
		}
	}
	for _, status := range statuses {
		if op.Responses.Value(status) == nil {
			t.Errorf("%s: no response %s", what, status)
		}
	}
	for status, response := range op.Responses.Map() {
		describedResponse(t, what+", "+status, response.Value)
	}
}

func describedResponse(t *testing.T, what string, response *openapi3.Response) {
	t.Helper()
	described(t, what, *response.Description)
	if response.Headers["X-Request-Id"] == nil {
		t.Errorf("%s has no X-Request-Id", what)
	}
	for name, header := range response.Headers {
		described(t, what+", header "+name, header.Value.Description)
		if header.Value.Example == nil {
			t.Errorf("%s: no example of header %s", what, name)
		}
	}
	for media, content := range response.Content {
		if content.Example == nil && len(content.Examples) == 0 {
			t.Errorf("%s: no example of a %s body", what, media)
		}
	}
}

// TestProblemsAreKnown checks that every problem type in a response is in docs/problems.md, with its status, and the
// reverse. The services' documents do not have the gateway's own problems.
func TestProblemsAreKnown(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/problems.md")
	if err != nil {
		t.Fatal(err)
	}
	services, _, _ := strings.Cut(string(page), "## Problems of the gateway")
	known := map[string]string{} // status by name
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (\\d+) \\|").FindAllStringSubmatch(services, -1) {
		known[row[1]] = row[2]
	}
	named := map[string]bool{}
	for document, doc := range documents(t) {
		for name, response := range doc.Components.Responses {
			content := response.Value.Content["application/problem+json"]
			if content == nil {
				continue
			}
			example := content.Example.(map[string]any)
			kind := strings.TrimPrefix(example["type"].(string), "https://monsplit.github.io/problems/")
			what := fmt.Sprintf("%s, response %s", document, name)
			if known[kind] != fmt.Sprint(example["status"]) {
				t.Errorf("%s shows %s with %v, docs/problems.md has %q", what, kind, example["status"], known[kind])
			}
			if !strings.Contains(*response.Value.Description, "`"+kind+"`") {
				t.Errorf("%s does not name its type %s", what, kind)
			}
			for other, status := range known {
				if strings.Contains(*response.Value.Description, "`"+other+"`") {
					named[other] = true
					if status != known[kind] {
						t.Errorf("%s names %s, whose status is %s", what, other, status)
					}
				}
			}
		}
	}
	delete(known, "method-not-allowed") // no operation has this answer
	for name := range known {
		if !named[name] {
			t.Errorf("docs/problems.md has %s, which no response names", name)
		}
	}
}

// TestWhiteSpaceIsAsInUnicode checks that the documents' patterns know the same white space as the code that trims names: that
// of Unicode.
func TestWhiteSpaceIsAsInUnicode(t *testing.T) {
	t.Parallel()
	schemas := map[string]*openapi3.Schema{} // by pattern
	for _, doc := range documents(t) {
		for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
			for _, property := range doc.Components.Schemas[name].Value.Properties {
				if strings.Contains(property.Value.Pattern, `\u3000`) {
					schemas[property.Value.Pattern] = property.Value
				}
			}
		}
	}
	if len(schemas) < 3 {
		t.Errorf("%d patterns count what is left after trimming, want at least 3", len(schemas))
	}
	for pattern, schema := range schemas {
		for c := rune(1); c < 0x3100; c++ {
			if blank := schema.VisitJSON(string(c)) != nil; blank != unicode.IsSpace(c) {
				t.Errorf("%s: %U alone is refused: %t", pattern, c, blank)
			}
		}
	}
}
