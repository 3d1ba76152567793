package listplans

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// targets returns the path and query of each list, with each combination of its parameters.
func targets(t *testing.T, document []byte, filters map[string]string) (all []string) {
	t.Helper()
	parsed, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range parsed.Paths.Map() {
		if item.Get == nil || item.Get.Parameters.GetByInAndName(openapi3.ParameterInQuery, "cursor") == nil {
			continue
		}
		queries := []url.Values{{"limit": {"50"}}}
		for _, p := range item.Get.Parameters {
			if p.Value.In == openapi3.ParameterInQuery && p.Value.Name != "limit" && p.Value.Name != "cursor" {
				queries = combine(queries, p.Value.Name, append(values(t, filters, p.Value), ""))
			}
		}
		for _, q := range queries {
			all = append(all, path+"?"+q.Encode())
		}
	}
	if len(all) == 0 {
		t.Fatal("the document describes no list")
	}
	slices.Sort(all)
	return all
}

// withoutLimit returns a target without the size of its page.
func withoutLimit(t *testing.T, target string) string {
	t.Helper()
	parsed, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	query := parsed.Query()
	query.Del("limit")
	parsed.RawQuery = query.Encode()
	return parsed.String()
}

// values returns the values with which a parameter is tried.
func values(t *testing.T, filters map[string]string, p *openapi3.Parameter) (texts []string) {
	t.Helper()
	schema := p.Schema.Value
	for _, one := range schema.Enum {
		texts = append(texts, fmt.Sprint(one))
	}
	switch value, given := filters[p.Name]; {
	case len(texts) > 0:
	case given:
		texts = []string{value}
	case schema.Type.Is(openapi3.TypeBoolean):
		texts = []string{"true"}
	default:
		t.Fatalf("there is no value for the parameter %s", p.Name)
	}
	return texts
}

// combine returns each query with each value. An empty value leaves the parameter out.
func combine(queries []url.Values, name string, values []string) (all []url.Values) {
	for _, q := range queries {
		for _, value := range values {
			combined := url.Values{}
			for k, v := range q {
				combined[k] = v
			}
			if value != "" {
				combined.Set(name, value)
			}
			all = append(all, combined)
		}
	}
	return all
}

// deepID are the positions of the ids in the middle of the tables, as an integer and as the end of a UUID.
var deepID = []string{fmt.Sprint(rows / 2), fmt.Sprintf("%012x", rows/2)}

// idOfPosition is the id in a cursor: an integer, or a UUID of manyrows.
var idOfPosition = regexp.MustCompile(`"ID":(\d+|"00000000-0000-4000-8000-)[0-9a-f]*`)

// deep returns the path of the page that begins with the item in the middle of the table, or, if many items are equal in the
// order, in the middle of those. It changes the cursor in the path of a next page.
func deep(t *testing.T, next string) string {
	t.Helper()
	target, err := url.Parse(next)
	if err != nil {
		t.Fatal(err)
	}
	query := target.Query()
	cursor, err := base64.RawURLEncoding.DecodeString(query.Get("cursor"))
	if err != nil {
		t.Fatal(err)
	}
	changed := idOfPosition.ReplaceAllStringFunc(string(cursor), func(id string) string {
		if prefix, isUUID := strings.CutSuffix(id, id[max(0, len(id)-12):]); isUUID && strings.Contains(id, "-") {
			return prefix + deepID[1]
		}
		return `"ID":` + deepID[0]
	})
	query.Set("cursor", base64.RawURLEncoding.EncodeToString([]byte(changed)))
	target.RawQuery = query.Encode()
	return target.String()
}
