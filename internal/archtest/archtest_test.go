package archtest_test

import (
	"io/fs"
	"os"
	"path/filepath"
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
			shapes[service] = append(shapes[service], strings.ReplaceAll(inner, "cmd/"+service, "cmd/SERVICE"))
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
		"machinery imports no service":           {Path: "internal/cli", Imports: []string{"services/monolith"}},
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
		"test helpers reach no binary":                    {Path: "services/monolith", Imports: []string{"internal/testkit/pgtest"}},
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
	dependOnSources(t)
	packages, err := archtest.List(t.Context(), "../..")
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// dependOnSources looks at every Go file, which is how "go test" learns that its cached result depends on them.
func dependOnSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".go") {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
