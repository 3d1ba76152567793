package archtest_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/archtest"
)

func TestImportsFollowTheArchitecture(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for _, rule := range archtest.Rules() {
		for _, broken := range rule.Check(packages) {
			t.Error(broken)
		}
	}
}

// Someone who has read one service has read the other: both have the same adapters, generated leaves and commands.
func TestServicesHaveTheSameShape(t *testing.T) {
	t.Parallel()
	shapes := map[string][]string{}
	for _, p := range list(t) {
		service, inner, ok := strings.Cut(strings.TrimPrefix(p.Path, "services/"), "/")
		if !ok || !strings.HasPrefix(p.Path, "services/") {
			continue
		}
		if name := strings.TrimPrefix(inner, "internal/"); !slices.Contains(models, name) {
			shapes[service] = append(shapes[service], inner)
		}
	}
	if len(shapes["monolith"]) < 8 || !slices.Equal(shapes["monolith"], shapes["catalog"]) {
		t.Errorf("the services differ:\nmonolith %v\ncatalog  %v", shapes["monolith"], shapes["catalog"])
	}
}

// models are the business packages; each service has its own.
var models = []string{"product", "catalogcopy", "market", "entry", "productcopy"}

func TestRulesBite(t *testing.T) {
	t.Parallel()
	forbidden := map[string]archtest.Package{
		"the monolith does not know the catalog": {Path: "services/monolith/internal/store", TestImports: []string{"api/catalog"}},
		"the catalog does not know the monolith": {Path: "services/catalog", Imports: []string{"sql/monolith"}},
		"machinery imports no service":           {Path: "internal/cli", Imports: []string{"sql/monolith"}},
		"clients and examples stand outside: they import nothing of the services or their machinery": {
			Path: "examples/legacy-report", Imports: []string{"internal/apperr"}},
		"business code imports the standard library, apperr, uuid and other business code alone": {
			Path: "services/monolith/internal/product", Imports: []string{"github.com/labstack/echo/v4"}},
		"business code does no I/O by the standard library, and no module of ours but these": {
			Path: "services/catalog/internal/entry", Imports: []string{"internal/postgres"}},
		"only storage knows PostgreSQL":          {Path: "services/monolith/internal/httpapi", Imports: []string{"github.com/jackc/pgx/v5"}},
		"only the broker package knows kafka-go": {Path: "internal/messaging/outbox", TestImports: []string{"github.com/segmentio/kafka-go"}},
		"only the HTTP side knows Echo":          {Path: "services/monolith", Imports: []string{"github.com/labstack/echo/v4"}},
		"generated queries stay behind their storage": {
			Path: "services/monolith", Imports: []string{"services/monolith/internal/store/db"}},
		"adapters meet only in the service's root package": {
			Path: "services/catalog/internal/consume", Imports: []string{"services/catalog/internal/store"}},
		"only the binaries and the whole-system packages import a service's root": {
			Path: "internal/cli", Imports: []string{"services/catalog"}},
		"test helpers reach no binary":                    {Path: "cmd/demo", Imports: []string{"internal/testkit/pgtest"}},
		"only tests and the demo use the embedded broker": {Path: "services/catalog", Imports: []string{"internal/messaging/embeddedbroker"}},
	}
	for _, rule := range archtest.Rules() {
		p, ok := forbidden[rule.Name]
		if !ok {
			t.Errorf("no example breaks the rule %q", rule.Name)
		} else if broken := rule.Check([]archtest.Package{p}); len(broken) != 1 || !strings.Contains(broken[0], " imports ") {
			t.Errorf("%s: the forbidden import of %s passes: %q", rule.Name, p.Path, broken)
		}
	}
	if broken := archtest.Rules()[0].Check(nil); len(broken) != 1 {
		t.Errorf("a rule that binds nothing passes: %q", broken)
	}
}

func list(t *testing.T) []archtest.Package {
	t.Helper()
	packages, err := archtest.List("../..")
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// No build tag, no other system and no mere test lets a file escape; another module's files are no concern of ours.
func TestListReadsEveryFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module x", "a/plain.go": "package a\nimport \"fmt\"", "a/other_windows.go": "package a\nimport \"os\"",
		"a/tagged.go":      "//go:build pact\n\npackage a\nimport _ \"" + archtest.Module + "/internal/apperr\"",
		"a/tagged_test.go": "//go:build realkafka\n\npackage a_test\nimport \"net\"", "b/c/only.go": "//go:build never\n\npackage c\nimport \"fmt\"",
		"tools/go.mod": "module y", "tools/tool.go": "package tools", "a/testdata/t.go": "package t", ".git/h.go": "package h", "_x/x.go": "package x",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := archtest.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []archtest.Package{
		{Path: "a", Imports: []string{"os", "fmt", "internal/apperr"}, TestImports: []string{"net"}},
		{Path: "b/c", Imports: []string{"fmt"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
