package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestInputSchemas checks which bodies are valid. A member that the service sets may have any value, so that a client can
// send an entity back as it read it. An unknown member is refused.
func TestInputSchemas(t *testing.T) {
	t.Parallel()
	const ignored = `"version": %[1]s, "created_at": %[1]s, "updated_at": %[1]s`
	valid := map[string]string{ // document and schema → members
		"monolith ProductInput":           `"name": "  ` + strings.Repeat("é", 100) + `  ", "product_category": "b", "id": %[1]s, "product_uuid": %[1]s, ` + ignored,
		"monolith ProductPatch":           `"id": %[1]s, "product_uuid": %[1]s, ` + ignored,
		"monolith LegacyEntryInput":       `"product": 17, "market": 3, "id": %[1]s, "updated_at": %[1]s`,
		"monolith LegacyEntryReplacement": `"availability_date": null, "id": %[1]s, "updated_at": %[1]s`,
		"monolith LegacyEntryPatch":       `"availability_date": null, "availability_end_date": null, "id": %[1]s, "updated_at": %[1]s`,
		"catalog EntryInput":              `"product": "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35", "market": "NL", "id": %[1]s, ` + ignored,
		"catalog EntryReplacement":        `"availability_date": null, "id": %[1]s, ` + ignored,
		"catalog EntryPatch":              `"availability_date": null, "availability_end_date": null, "id": %[1]s, ` + ignored,
		"catalog MarketInput":             `"iso_code": "NL", "name": "a", ` + ignored,
		"catalog MarketReplacement":       `"name": "a", ` + ignored,
		"catalog MarketPatch":             ignored,
	}
	invalid := map[string][]string{
		"monolith ProductInput": {
			`{"name": "a"}`, `{"product_category": "b"}`, `{"name": "", "product_category": "b"}`, `[]`, `null`,
			`{"name": "` + strings.Repeat("x", 101) + `", "product_category": "b"}`, `{"name": " \t", "product_category": "b"}`,
			`{"name": "a", "product_category": "` + strings.Repeat("x", 26) + `"}`,
			`{"name": "a", "product_category": "b", "discontinued": null}`,
		},
		"monolith ProductPatch":           {`{"name": null}`, `{"product_category": null}`, `{"discontinued": null}`, `{"name": 7}`},
		"monolith LegacyEntryInput":       {`{"market": 3}`, `{"product": 17}`, `{"product": "17", "market": 3}`, `{"product": 0, "market": 3}`},
		"monolith LegacyEntryReplacement": {`{"market": null}`, `{"product": null}`, `{"market": "NL"}`, `{"availability_date": 7}`},
		"monolith LegacyEntryPatch":       {`{"market": null}`, `{"product": null}`, `{"availability_date": "soon"}`},
		"catalog EntryInput":              {`{"market": "NL"}`, `{"product": "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"}`},
		"catalog EntryReplacement":        {`{"market": null}`, `{"product": null}`, `{"market": "nl"}`, `{"availability_date": 7}`},
		"catalog EntryPatch":              {`{"market": null}`, `{"product": null}`, `{"availability_date": "soon"}`},
		"catalog MarketInput":             {`{"iso_code": "NL"}`, `{"name": "a"}`, `{"iso_code": "NLD", "name": "a"}`},
		"catalog MarketReplacement":       {`{}`, `{"name": null}`, `{"name": "` + strings.Repeat("x", 81) + `"}`},
		"catalog MarketPatch":             {`{"name": null}`, `{"iso_code": null}`},
	}
	docs := documents(t)
	for key, members := range valid {
		document, name, _ := strings.Cut(key, " ")
		schema := docs[document].Components.Schemas[name].Value
		check := func(body string) error {
			var value any
			if err := json.Unmarshal([]byte(body), &value); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			return schema.VisitJSON(value, openapi3.VisitAsRequest()) // without defaults, as requests are validated
		}
		for _, anything := range []string{`1`, `1.5`, `"x"`, `true`, `null`, `[1, "x"]`, `{"a": [null]}`} {
			if err := check(fmt.Sprintf("{"+members+"}", anything)); err != nil {
				t.Errorf("%s with read-only members %s: %v", name, anything, err)
			}
		}
		unknown := fmt.Sprintf("{"+members+`, "deleted": true}`, "1")
		for _, body := range append(slices.Clone(invalid[key]), unknown) {
			if check(body) == nil {
				t.Errorf("%s accepts %s", name, body)
			}
		}
	}
	want := bodySchemas(docs)
	for kind, has := range map[string][]string{"valid": slices.Sorted(maps.Keys(valid)), "invalid": slices.Sorted(maps.Keys(invalid))} {
		if !slices.Equal(has, want) {
			t.Errorf("this test has %s bodies for %q, the documents have bodies for %q", kind, has, want)
		}
	}
}

// bodySchemas returns the schemas of all request bodies, as "DOCUMENT SCHEMA", sorted.
func bodySchemas(docs map[string]*openapi3.T) []string {
	found := map[string]bool{}
	for document, doc := range docs {
		for _, item := range doc.Paths.Map() {
			for _, op := range item.Operations() {
				if op.RequestBody == nil {
					continue
				}
				for _, media := range op.RequestBody.Value.Content {
					if media.Schema != nil {
						found[document+" "+strings.TrimPrefix(media.Schema.Ref, "#/components/schemas/")] = true
					}
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// A client reads an entity, changes a member and sends the whole entity back. Request bodies allow no unknown members. So a
// new member of an answer must also be in the request bodies, even if the service ignores it there.
func TestEntitiesCanBeSentBack(t *testing.T) {
	t.Parallel()
	asked := 0
	for document, doc := range documents(t) {
		for path, item := range doc.Paths.Map() {
			if item.Get == nil {
				continue
			}
			answer := item.Get.Responses.Status(http.StatusOK).Value.Content.Get("application/json").Schema.Value
			if answer.Items != nil {
				answer = answer.Items.Value
			}
			for _, op := range []*openapi3.Operation{item.Post, item.Put, item.Patch} {
				if op == nil || op.RequestBody == nil {
					continue
				}
				for _, media := range op.RequestBody.Value.Content {
					if media.Schema == nil || len(media.Schema.Value.Properties) == 0 {
						continue // the service ignores this body
					}
					asked++
					for member := range answer.Properties {
						if media.Schema.Value.Properties[member] == nil {
							t.Errorf("%s: GET %s returns %q, but %s refuses it", document, path, member, op.OperationID)
						}
					}
				}
			}
		}
	}
	if asked == 0 {
		t.Error("no operation accepts an entity that another one returns")
	}
}
