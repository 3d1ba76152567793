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

func importsEach(path string, imported ...string) (each []archtest.Package) {
	for _, i := range imported {
		each = append(each, imports(path, i))
	}
	return each
}

func testImports(path, imported string) archtest.Package {
	return archtest.Package{Path: path, TestImports: []string{imported}}
}

// order is business code of a third service. rules.go does not know its name or the name of its service.
const order = "services/orders/internal/order"

func TestRulesBite(t *testing.T) {
	t.Parallel()
	const (
		pure        = "business code imports, of the standard library, only what businessMayUseOfStandard lists"
		noModule    = "business code imports no other module, except for UUIDs"
		noAdapter   = "business code imports no adapter, no generated code, no sample data and no root package"
		meets       = " meets other adapters only in the service's root package"
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
		pure: slices.Concat(
			importsEach(order, "net/http", "log/slog", "database/sql", "os", "expvar", "crypto/tls", "crypto/rand", "math/rand",
				"mime/multipart", "debug/elf", "unsafe", "C", "io", "sync", "encoding/json", "unique", "net/http/pprof"),
			importsEach("services/catalog/report", "net/http"), importsEach("services/catalog/internal/httpclient", "net/http"),
			importsEach("services/catalog/internal/entry/rates", "os"), importsEach("services/orders/sampledata/more", "embed")),
		noModule: {imports(order, "github.com/jackc/pgx/v5"), imports("services/monolith/internal/product", "github.com/labstack/echo/v4")},
		noAdapter: {imports(order, "services/orders/internal/store"), imports(order, "services/orders/internal/store/db"),
			imports(order, "services/orders/internal/httpapi/form"), imports(order, "services/orders"),
			imports("services/catalog/internal/entry", "services/catalog/internal/oapi"),
			imports("services/catalog/report", "services/catalog/sampledata")},
		ordersAlone: {imports(order, "internal/postgres"), imports(order, "internal/messaging/outbox"), imports(order, "sql/orders")},
		"business code of the catalog imports, of this module, only the catalog and what businessMayUse lists":   {imports("services/catalog/internal/entry", "internal/postgres")},
		"business code of the monolith imports, of this module, only the monolith and what businessMayUse lists": {imports("services/monolith/internal/invented", "internal/httpserver")},
		"only storage knows PostgreSQL":                                       {imports("services/monolith/internal/httpapi", "github.com/jackc/pgx/v5/pgxpool")},
		"only the broker package knows kafka-go":                              {testImports("internal/messaging/outbox", "github.com/segmentio/kafka-go")},
		"only the HTTP side knows Echo":                                       {imports("services/monolith", "github.com/labstack/echo/v4")},
		"messaging imports nothing of this module outside internal/messaging": {imports("internal/messaging/outbox", "internal/config"), imports("internal/messaging/consumer", "internal/postgres")},
		"what messaging uses imports nothing of this module":                  {imports("internal/pgtx", "internal/apperr"), imports("internal/strictjson", "internal/messaging/event")},
		"only the adapter of a table imports its generated queries":           {imports("services/monolith", "services/monolith/internal/store/db")},
		"only programs and whole-system packages import a service's root":     {imports("internal/cli", "services/catalog")},
		"test helpers reach no program":                                       {imports("cmd/demo", "internal/testkit/pgtest"), imports("cmd/demo", "testing")},
		"only tests and the demo use the embedded broker":                     {imports("services/catalog", "internal/messaging/embeddedbroker")},
		"only the broker package encodes Kafka's requests":                    {imports("internal/messaging/consumer", "github.com/twmb/franz-go/pkg/kmsg"), imports("internal/config", "github.com/twmb/franz-go/pkg/sasl/plain")},
	}
	// The examples need exactly two services and the third one, orders. Other services would need their own examples.
	packages := slices.DeleteFunc(list(t), func(p archtest.Package) bool {
		rest, isService := strings.CutPrefix(p.Path, "services/")
		name, _, _ := strings.Cut(rest, "/")
		return isService && name != "monolith" && name != "catalog"
	})
	packages = append(packages, archtest.Package{Path: order}, archtest.Package{Path: "services/orders"})
	rules := archtest.Rules(packages)
	for _, rule := range rules { // a new adapter needs no new example
		if adapter, ok := strings.CutSuffix(rule.Name, meets); ok {
			forbidden[rule.Name] = importsEach("services/orders/internal/"+adapter+"/part", otherAdapters(adapter)...)
		}
	}
	for _, rule := range rules {
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

// otherAdapters returns packages of adapters that this adapter may not import.
func otherAdapters(adapter string) []string {
	all := []string{"services/orders/internal/consume", "services/orders/internal/httpapi/form"}
	return slices.DeleteFunc(all, func(p string) bool { return strings.HasPrefix(p, "services/orders/internal/"+adapter) })
}

func TestBusinessMayImport(t *testing.T) {
	t.Parallel()
	packages := append(list(t), archtest.Package{Path: order, Imports: []string{
		"context", "fmt", "time", "slices", "internal/apperr", "github.com/google/uuid", "services/orders/internal/customercopy",
	}}, archtest.Package{Path: "services/orders/internal/customercopy"},
		archtest.Package{Path: "services/orders/pricing", Imports: []string{"math", "unicode/utf8", order}})
	allPass(t, packages)
}

// What is below an adapter is part of it: it may do what the adapter may do.
func TestAdaptersMayImport(t *testing.T) {
	t.Parallel()
	form := archtest.Package{Path: "services/orders/internal/httpapi/form", Imports: []string{"net/http", "html/template", order, "github.com/labstack/echo/v4"}}
	allPass(t, append(list(t), form, archtest.Package{Path: order},
		archtest.Package{Path: "services/orders/internal/httpapi", Imports: []string{form.Path, "os", "services/orders/internal/oapi"}},
		archtest.Package{Path: "services/orders/internal/store/rows", Imports: []string{"github.com/jackc/pgx/v5", "services/orders/internal/store/db"}}))
}

func allPass(t *testing.T, packages []archtest.Package) {
	t.Helper()
	for _, rule := range archtest.Rules(packages) {
		for _, broken := range rule.Check(packages) {
			t.Error(broken)
		}
	}
}

// A pattern that matches no package has no effect. After a rename, its rule would be off without notice.
func TestStalePatternsAreNoticed(t *testing.T) {
	t.Parallel()
	packages := list(t)
	for name, rule := range map[string]archtest.Rule{
		"of a folder":                   {From: []string{"internal/common"}},
		"below a folder":                {Except: []string{"internal/messaging/gone/**"}},
		"of every service":              {Deny: []string{"services/*/internal/gone"}},
		"of a top folder":               {Deny: []string{"deploy/**"}},
		"of a misspelled top folder":    {From: []string{"intrenal/messaging/**"}},
		"of a top folder of others":     {From: []string{"pkg/foo"}},
		"of another module":             {Deny: []string{"github.com/twmb/franz/**"}},
		"of the standard library":       {Deny: []string{"nett/**"}},
		"below the standard library":    {Deny: []string{"log/slogg"}},
		"of a class":                    {Deny: []string{"@modul"}},
		"that allows what is not there": {Allow: []string{"internal/common"}},
	} {
		if stale := rule.Stale(packages); len(stale) != 1 || !strings.Contains(stale[0], "which does not exist") {
			t.Errorf("a pattern %s: %q", name, stale)
		}
	}
	sound := archtest.Rule{From: []string{"services/*", "@all"}, Deny: []string{"log/**", "debug/elf", "encoding/*", "github.com/jackc/pgx/**"}, Allow: []string{"internal/apperr"}}
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
