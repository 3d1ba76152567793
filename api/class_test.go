package api_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/oas"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// TestEveryOperationHasItsClass says which limit and which connections each operation uses. A service that works on too many
// requests of a class refuses only that class.
func TestEveryOperationHasItsClass(t *testing.T) {
	t.Parallel()
	want := map[string][]string{ // document and class → operations
		"monolith read":  {"getCatalog", "getCatalogChange", "getProduct"},
		"monolith list":  {"listCatalog", "listMarkets", "listProducts"},
		"monolith write": {"createCatalog", "createProduct", "deleteCatalog", "deleteProduct", "patchCatalog", "patchProduct", "replaceCatalog", "replaceProduct"},
		"catalog read":   {"getEntry", "getMarket", "getProduct"},
		"catalog list":   {"listEntries", "listMarkets", "listProducts"},
		"catalog write":  {"createEntry", "createMarket", "deleteEntry", "deleteMarket", "patchEntry", "patchMarket", "replaceEntry", "replaceMarket"},
	}
	has := map[string][]string{}
	for name, text := range services.OpenAPI(t) {
		v, err := oas.New(text, oas.Config{MaxBody: 1024})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for id, class := range v.Classes() {
			if !slices.Contains(admission.Classes(), class) {
				t.Errorf("%s has the class %q", id, class)
			}
			key := name + " " + string(class)
			has[key] = append(has[key], id)
		}
	}
	for key := range has {
		slices.Sort(has[key])
		slices.Sort(want[key])
	}
	if !maps.EqualFunc(has, want, slices.Equal) {
		t.Errorf("the documents have the classes\n%v, this test wants\n%v", has, want)
	}
}
