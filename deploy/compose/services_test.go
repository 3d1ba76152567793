//go:build compose

package compose

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/monsplit/monsplit/internal/testkit/services"
)

// lists returns the paths of a service's lists, sorted: the paths of its document that have no parameter.
func lists(t *testing.T, service string) (paths []string) {
	t.Helper()
	var doc struct{ Paths map[string]any }
	if err := yaml.Unmarshal(services.OpenAPI(t)[service], &doc); err != nil {
		t.Fatal(err)
	}
	for path := range doc.Paths {
		if !strings.Contains(path, "{") {
			paths = append(paths, path)
		}
	}
	if slices.Sort(paths); len(paths) == 0 {
		t.Fatalf("%s has no list", service)
	}
	return paths
}

// copies returns the path of each copy of the monolith's products, by the service that keeps it.
func copies(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, service := range services.Names(t) {
		if path := "/" + service + "/api/v1/products"; slices.Contains(lists(t, service), path) {
			found[service] = path
		}
	}
	if found["catalog"] == "" {
		t.Fatalf("the copies are %v, want one of the catalog", found)
	}
	return found
}
