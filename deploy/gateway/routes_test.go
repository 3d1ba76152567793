package gateway_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/monsplit/monsplit/deploy/gateway"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

func table(t *testing.T) []gateway.Route {
	t.Helper()
	text, err := os.ReadFile("snippets/routes.conf")
	if err != nil {
		t.Fatal(err)
	}
	routes, err := gateway.Routes(text)
	if err != nil {
		t.Fatalf("snippets/routes.conf: %v", err)
	}
	return routes
}

// The gateway routes every operation to its service.
func TestRouteTableHasTheDocumentsPaths(t *testing.T) {
	t.Parallel()
	routes := table(t)
	for service, document := range services.OpenAPI(t) {
		var doc struct{ Paths map[string]any }
		if err := yaml.Unmarshal(document, &doc); err != nil || len(doc.Paths) == 0 {
			t.Fatalf("%s: %d paths, %v", service, len(doc.Paths), err)
		}
		for path := range doc.Paths {
			path = strings.NewReplacer("{", "", "}", "").Replace(path)
			if got := gateway.Match(routes, path); got != service {
				t.Errorf("%s goes to %q, want %q", path, got, service)
			}
		}
	}
}

func TestRouteTable(t *testing.T) {
	t.Parallel()
	routes := table(t)
	for path, want := range wantRoutes(t) {
		if got := gateway.Match(routes, path); got != want {
			t.Errorf("%s goes to %q, want %q", path, got, want)
		}
	}
}

// wantRoutes maps paths to the service that gets them on port 8080; "" means none.
func wantRoutes(t *testing.T) map[string]string {
	t.Helper()
	routes := map[string]string{
		"/api/v1/product": "monolith", "/api/v1/product/1": "monolith", "/api/v1/catalog": "monolith", "/api/": "monolith",
		"/admin": "monolith", "/admin/": "monolith", "/admin/products": "monolith",
		"/docs": "monolith", "/docs/": "monolith", "/docs/events": "monolith", "/docs/assets/icon.0123.svg": "monolith",
		"/openapi.yaml": "monolith", "/asyncapi.yaml": "monolith",
		"/api": "", "/apis": "", "/administrator": "", "/docsy": "", "/openapi_yaml": "", "/openapi.yaml.bak": "",
		"/favicon.ico": "", "/Catalog": "", "/API/v1/product": "",
	}
	for _, service := range split(t) {
		for _, path := range []string{"", "/", "/api/v1", "/docs/events", "/openapi.yaml", "/nothing/of/it"} {
			routes["/"+service+path] = service
		}
		routes["/"+service+".html"], routes["/x/"+service+"/api/v1"] = "", ""
	}
	return routes
}

// split returns the services that were split from the monolith. Each answers below its own name.
func split(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(services.Names(t), func(name string) bool { return name == "monolith" })
}

func TestRoutesRefusesUnknownLines(t *testing.T) {
	t.Parallel()
	const head, tail = "map $uri $gateway_route {\n default \"\";\n", "}\n"
	for name, text := range map[string]string{
		"nothing":             "",
		"no routes":           head + tail,
		"no end":              head + "~^/a a;\n",
		"no default":          "map $uri $gateway_route {\n~^/a a;\n}\n",
		"a filled default":    "map $uri $gateway_route {\ndefault a;\n~^/a a;\n}\n",
		"not anchored":        head + "~/a a;\n" + tail,
		"a plain text":        head + "/a a;\n" + tail,
		"no semicolon":        head + "~^/a a\n" + tail,
		"a broken expression": head + "~^/( a;\n" + tail,
		"outside the table":   head + "~^/a a;\n" + tail + "~^/b b;\n",
	} {
		if routes, err := gateway.Routes([]byte(text)); err == nil {
			t.Errorf("%s: passes as %v", name, routes)
		}
	}
	routes, err := gateway.Routes([]byte("# comment\n" + head + "~^/a/b a;\n\n~^/a  b;\n" + tail))
	if err != nil || gateway.Match(routes, "/a/b") != "a" || gateway.Match(routes, "/a/c") != "b" {
		t.Errorf("%v, %v", routes, err)
	}
}
