package archtest_test

import (
	"fmt"
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
	for _, rule := range archtest.Rules(packages) {
		for _, fault := range slices.Concat(rule.Check(packages), rule.Stale(packages)) {
			t.Error(fault)
		}
	}
}

// A developer who has read one service knows the others: each has a root package, the same adapters, the same generated
// packages, a program, documents, a schema, a client and the contracts of what it consumes.
func TestServicesHaveTheSameShape(t *testing.T) {
	t.Parallel()
	packages := list(t)
	services := archtest.Services(packages)
	if len(services) < 2 {
		t.Fatalf("found the services %v, want at least 2", services)
	}
	for _, service := range services {
		folders := []string{"cmd/" + service, "api/" + service, "sql/" + service, "api/client/go/" + service + "client"}
		for _, name := range []string{"", "/internal/httpapi", "/internal/publish", "/internal/consume",
			"/internal/store", "/internal/oapi", "/internal/messages", "/internal/store/db"} {
			folders = append(folders, "services/"+service+name)
		}
		for _, folder := range folders {
			if !slices.ContainsFunc(packages, func(p archtest.Package) bool { return p.Path == folder }) {
				t.Errorf("there is no %s: every service has this package", folder)
			}
		}
		for _, pattern := range []string{"asyncapi/" + service + ".yaml", "contracts/pacts/" + service + "-*.json"} {
			if found, err := filepath.Glob("../../" + pattern); err != nil || len(found) == 0 {
				t.Errorf("there is no %s: every service has this file (%v)", pattern, err)
			}
		}
	}
}

// imports is a package that imports one other.
func imports(path, imported string) archtest.Package {
	return archtest.Package{Path: path, Imports: []string{imported}}
}

func testImports(path, imported string) archtest.Package {
	return archtest.Package{Path: path, TestImports: []string{imported}}
}

// order is business code of a third service. Nothing in rules.go knows its name, nor that of the service.
const order = "services/orders/internal/order"

func TestRulesBite(t *testing.T) {
	t.Parallel()
	const (
		noIO        = "business code does no I/O and does not log"
		noModule    = "business code imports no other module, except for UUIDs"
		noAdapter   = "business code imports no adapter and no generated code"
		ordersAlone = "business code of the orders imports, of this module, only the orders and what businessMayUse lists"
	)
	forbidden := map[string][]archtest.Package{
		"the monolith does not know the catalog": {testImports("services/monolith/internal/store", "api/catalog")},
		"the catalog does not know the monolith": {imports("services/catalog", "sql/monolith")},
		"the orders does not know the catalog": {
			imports(order, "services/catalog/internal/entry"), imports(order, "api/catalog"), imports(order, "sql/catalog")},
		"the orders does not know the monolith": {testImports(order, "services/monolith/internal/product")},
		"the catalog does not know the orders":  {imports("services/catalog/internal/consume", "services/orders/internal/messages")},
		"the monolith does not know the orders": {imports("services/monolith/internal/store", "sql/orders")},
		"a service calls no service":            {imports("services/orders/internal/consume", "api/client/go/catalogclient")},
		"machinery imports no service":          {imports("internal/cli", "sql/monolith"), imports("internal/cli", "services/orders")},
		"clients and examples import nothing of the services or their machinery": {
			imports("examples/legacy-report", "internal/apperr"), imports("examples/legacy-report", "sql/messaging"),
			imports("api/client/go/apiclient", "api/catalog"),
		},
		noIO: {imports(order, "net/http"), imports(order, "log/slog"), imports(order, "database/sql"), imports(order, "os"),
			imports("services/catalog/internal/invented", "net/http")},
		noModule: {imports(order, "github.com/jackc/pgx/v5"), imports("services/monolith/internal/product", "github.com/labstack/echo/v4")},
		noAdapter: {imports(order, "services/orders/internal/store"), imports(order, "services/orders/internal/store/db"),
			imports("services/catalog/internal/entry", "services/catalog/internal/oapi")},
		ordersAlone: {imports(order, "internal/postgres"), imports(order, "internal/messaging/outbox"), imports(order, "sql/orders"),
			imports(order, "services/orders")},
		"business code of the catalog imports, of this module, only the catalog and what businessMayUse lists":   {imports("services/catalog/internal/entry", "internal/postgres")},
		"business code of the monolith imports, of this module, only the monolith and what businessMayUse lists": {imports("services/monolith/internal/invented", "internal/httpserver")},
		"only storage knows PostgreSQL":                                       {imports("services/monolith/internal/httpapi", "github.com/jackc/pgx/v5/pgxpool")},
		"only the broker package knows kafka-go":                              {testImports("internal/messaging/outbox", "github.com/segmentio/kafka-go")},
		"only the HTTP side knows Echo":                                       {imports("services/monolith", "github.com/labstack/echo/v4")},
		"messaging imports nothing of this module outside internal/messaging": {imports("internal/messaging/outbox", "internal/config")},
		"only the adapter of a table imports its generated queries":           {imports("services/monolith", "services/monolith/internal/store/db")},
		"adapters meet only in the service's root package":                    {imports("services/orders/internal/consume", "services/orders/internal/store")},
		"only programs and whole-system packages import a service's root":     {imports("internal/cli", "services/catalog")},
		"test helpers reach no program":                                       {imports("cmd/demo", "internal/testkit/pgtest"), imports("cmd/demo", "testing")},
		"only tests and the demo use the embedded broker":                     {imports("services/catalog", "internal/messaging/embeddedbroker")},
	}
	// The third service stands beside the two of the examples. Other services would need examples of their own.
	packages := slices.DeleteFunc(list(t), func(p archtest.Package) bool {
		rest, isService := strings.CutPrefix(p.Path, "services/")
		name, _, _ := strings.Cut(rest, "/")
		return isService && name != "monolith" && name != "catalog"
	})
	packages = append(packages, archtest.Package{Path: order}, archtest.Package{Path: "services/orders"})
	for _, rule := range archtest.Rules(packages) {
		if rule.Why == "" || rule.Instead == "" {
			t.Errorf("%s: the rule lacks Why or Instead", rule.Name)
		}
		examples := forbidden[rule.Name]
		delete(forbidden, rule.Name)
		if len(examples) == 0 {
			t.Errorf("no example breaks the rule %q", rule.Name)
		}
		before := len(rule.Check(packages))
		for _, p := range examples {
			broken := rule.Check(append(packages[:len(packages):len(packages)], p))
			want := fmt.Sprintf("%s imports %s\n\trule:    %s\n\twhy:     %s\n\tinstead: %s", p.Path,
				slices.Concat(p.Imports, p.TestImports)[0], rule.Name, rule.Why, rule.Instead)
			if len(broken) != before+1 || broken[before] != want {
				t.Errorf("%s: the forbidden import passes, or is reported in another way:\n%s\nwant\n%s",
					rule.Name, strings.Join(broken, "\n"), want)
			}
		}
	}
	for name := range forbidden {
		t.Errorf("there is an example for %q, but no rule", name)
	}
}

func TestBusinessMayImport(t *testing.T) {
	t.Parallel()
	packages := append(list(t), archtest.Package{Path: order, Imports: []string{
		"context", "fmt", "time", "slices", "internal/apperr", "github.com/google/uuid", "services/orders/internal/customercopy",
	}}, archtest.Package{Path: "services/orders/internal/customercopy"})
	for _, rule := range archtest.Rules(packages) {
		for _, broken := range rule.Check(packages) {
			t.Error(broken)
		}
	}
}

// A pattern that names nothing binds nothing: after a rename, its rule would be off.
func TestStalePatternsAreNoticed(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for name, rule := range map[string]archtest.Rule{
		"of a folder":            {From: []string{"internal/adminui"}},
		"below a folder":         {Except: []string{"internal/messaging/gone/**"}},
		"of every service":       {Deny: []string{"services/*/internal/admin"}},
		"of a top folder":        {Deny: []string{"deploy/**"}},
		"of another module":      {Deny: []string{"github.com/twmb/franz/**"}},
		"that allows the absent": {Allow: []string{"internal/common"}},
	} {
		if stale := rule.Stale(packages); len(stale) != 1 || !strings.Contains(stale[0], "which does not exist") {
			t.Errorf("a pattern %s: %q", name, stale)
		}
	}
	sound := archtest.Rule{From: []string{"services/*", "@all"}, Deny: []string{"log/**", "github.com/jackc/pgx/**"}, Allow: []string{"internal/apperr"}}
	if stale := sound.Stale(packages); len(stale) != 0 {
		t.Errorf("patterns that name something: %q", stale)
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

// List reads files of any build tag and system, and those of tests. It leaves out other modules.
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
