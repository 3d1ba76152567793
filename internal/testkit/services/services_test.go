package services_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/services"
)

func TestNamesAreTheFolders(t *testing.T) {
	t.Parallel()
	names := services.Names(t)
	for _, name := range []string{"catalog", "monolith"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not in %q", name, names)
		}
	}
	for _, name := range names {
		if info, err := os.Stat(services.Path(t, "services/"+name)); err != nil || !info.IsDir() {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestDocumentsAreTheServices(t *testing.T) {
	t.Parallel()
	for kind, all := range map[string]map[string][]byte{"openapi: ": services.OpenAPI(t), "asyncapi: ": services.AsyncAPI(t)} {
		if got, want := slices.Sorted(maps.Keys(all)), services.Names(t); !slices.Equal(got, want) {
			t.Errorf("%sdocuments of %q, want %q", kind, got, want)
		}
		for name, text := range all {
			if !strings.HasPrefix(string(text), kind) {
				t.Errorf("%s: the document begins with %.20q, want %q", name, text, kind)
			}
		}
	}
}
