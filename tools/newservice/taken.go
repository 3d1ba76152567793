package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// special lists names that have a meaning of their own, and where.
var special = map[string][]string{
	"folders and packages of Go":                   {"cgo", "documentation", "init", "internal", "main", "test", "testdata", "unsafe", "vendor"},
	"values of YAML":                               {"false", "no", "null", "off", "on", "true", "yes"},
	"names of the machine, of nginx and of Docker": {"hostnames", "include", "localhost", "scratch", "volatile"},
	"roles of PostgreSQL":                          {"none", "public"},
	"endpoints that the gateway hides":             {"healthz", "livez", "metrics", "readyz"},
	"abbreviations, which the generators write in capitals": {"acl", "amqp", "api", "ascii", "cpu", "css", "db", "dns", "eof", "gid", "guid",
		"html", "http", "https", "id", "ip", "iso", "json", "qps", "ram", "rpc", "rtp", "sip", "sla", "smtp", "sql", "ssh", "tcp", "tls",
		"ts", "ttl", "udp", "ui", "uid", "uri", "url", "uuid", "vm", "xml", "xmpp", "xsrf", "xss"},
}

// free returns an error if a name is taken: by a language or a tool, by the generated code, or by what the repository has.
func (n names) free(root string) error {
	for _, kind := range []string{"service", "model", "models"} {
		name := n[kind]
		if token.IsKeyword(name) || types.Universe.Lookup(name) != nil {
			return fmt.Errorf("the name %q has a meaning in Go: choose another one", name)
		}
		for _, where := range slices.Sorted(maps.Keys(special)) {
			if slices.Contains(special[where], name) {
				return fmt.Errorf("the name %q is one of the %s: choose another one", name, where)
			}
		}
	}
	if err := n.freeIn(root); err != nil {
		return err
	}
	used, err := namesInCode(root)
	if err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(used)) {
		if used[kind][n[kind]] {
			return fmt.Errorf("the name %q means something else in the code of a service: choose another one", strings.ToLower(n[kind]))
		}
	}
	return nil
}

// freeIn looks for the names in the repository.
func (n names) freeIn(root string) error {
	for _, folder := range []string{"services/", "api/", "sql/", "cmd/"} {
		if _, err := os.Lstat(filepath.Join(root, folder, n["service"])); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s exists already: choose another name for the service", folder+n["service"])
		}
	}
	for _, list := range []struct{ files, pattern, has string }{
		{"deploy/gateway/gateway.env", `(?m)^GATEWAY_` + n["SERVICE"] + `=`, "a setting of this name"},
		{"docker-compose.yml", `(?m)^(x-|  )` + n["service"] + `:|&` + n["service"] + `\b`, "something of this name"},
		{"Dockerfile", `(?m) AS ` + n["service"] + `$`, "a stage of this name"},
		{"docs/problems.md", "(?m)^\\| `" + n["model"] + "-exists`", "the problem " + n["model"] + "-exists"},
		{"asyncapi/*.yaml", `\bmonsplit\.` + n["model"] + `\.v1\b`, "the topic monsplit." + n["model"] + ".v1"},
	} {
		files, err := filepath.Glob(filepath.Join(root, list.files))
		if err != nil {
			return err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if regexp.MustCompile(list.pattern).Match(text) {
				return fmt.Errorf("%s has %s already: choose another name", path.Join(path.Dir(list.files), filepath.Base(file)), list.has)
			}
		}
	}
	for _, pattern := range []string{n["service"] + "-*.json", "*-" + n["service"] + ".json"} {
		found, err := filepath.Glob(filepath.Join(root, "contracts/pacts", pattern))
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return fmt.Errorf("contracts/pacts/%s exists already: choose another name for the service", filepath.Base(found[0]))
		}
	}
	return n.freeRoute(root)
}

var routeLine = regexp.MustCompile(`(?m)^\s*~(\^/\S*) +[a-z]+;$`)

// freeRoute returns an error if the gateway sends a path below the name of the service to another service.
func (n names) freeRoute(root string) error {
	const file = "deploy/gateway/snippets/routes.conf"
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		return err
	}
	for _, line := range routeLine.FindAllSubmatch(text, -1) {
		route, err := regexp.Compile(string(line[1]))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if route.MatchString("/"+n["service"]) || route.MatchString("/"+n["service"]+"/") {
			return fmt.Errorf("%s has a route for /%s already: choose another name for the service", file, n["service"])
		}
	}
	return nil
}

// standIns are names that no template has. They show where a template has which of the names.
var standIns = names{
	"service": "zzservice", "Service": "Zzservice", "SERVICE": "ZZSERVICE", "model": "zzmodel", "Model": "Zzmodel",
	"models": "zzmodels", "Models": "Zzmodels", "port": "1",
}

// schemaName is a schema of an OpenAPI or AsyncAPI document, for which a Go type is generated.
var schemaName = regexp.MustCompile(`(?m)^ {4}([A-Z][A-Za-z]*):`)

// namesInCode returns, for each kind of name, the identifiers in whose scope the templates use it.
func namesInCode(root string) (map[string]map[string]bool, error) {
	files, err := rendered(standIns)
	if err != nil {
		return nil, err
	}
	packages := map[string]map[string]bool{} // what each package declares, by its folder
	inFile := map[string]map[string]bool{}   // the identifiers of each file
	schemas := map[string]bool{}
	for _, f := range files {
		switch filepath.Ext(f.path) {
		case ".go":
			parsed, err := parser.ParseFile(token.NewFileSet(), f.path, f.content, 0)
			if err != nil {
				return nil, err
			}
			folder := path.Dir(f.path)
			if packages[folder] == nil {
				packages[folder] = map[string]bool{}
			}
			declared(parsed, packages[folder])
			inFile[f.path] = identifiers(parsed)
		case ".yaml":
			for _, m := range schemaName.FindAllSubmatch(f.content, -1) {
				schemas[string(m[1])] = true
			}
		}
	}
	used := map[string]map[string]bool{}
	for kind, standIn := range standIns {
		used[kind] = map[string]bool{}
		for file, found := range inFile {
			if found[standIn] {
				addAll(used[kind], found)
				addAll(used[kind], packages[path.Dir(file)])
			}
		}
	}
	addAll(used["Model"], schemas)
	return used, importers(root, used["service"])
}

// importers adds the identifiers beside which a test imports the package of each service.
func importers(root string, used map[string]bool) error {
	for _, in := range insertions {
		if !strings.Contains(in.text, `services/<%.service%>"`) {
			continue
		}
		test, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, in.file), nil, 0)
		if err != nil {
			return err
		}
		addAll(used, identifiers(test))
		others, err := filepath.Glob(filepath.Join(root, path.Dir(in.file), "*.go"))
		if err != nil {
			return err
		}
		for _, file := range others {
			other, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				return err
			}
			if other.Name.Name == test.Name.Name {
				declared(other, used)
			}
		}
	}
	return nil
}

func addAll(to, names map[string]bool) {
	for name := range names {
		to[name] = true
	}
}

// identifiers returns the identifiers of a file, also those of its imports. It leaves out
// what is selected from another one, and the fields that a literal sets.
func identifiers(file *ast.File) map[string]bool {
	found := map[string]bool{}
	for _, spec := range file.Imports {
		found[path.Base(strings.Trim(spec.Path.Value, `"`))] = true
	}
	var visit func(ast.Node) bool
	visit = func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.SelectorExpr:
			ast.Inspect(n.X, visit)
			return false
		case *ast.KeyValueExpr:
			if _, field := n.Key.(*ast.Ident); field {
				ast.Inspect(n.Value, visit)
				return false
			}
		case *ast.Ident:
			found[n.Name] = true
		}
		return true
	}
	ast.Inspect(file, visit)
	return found
}

// declared adds what the file declares in its package.
func declared(file *ast.File, names map[string]bool) {
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			names[d.Name.Name] = true
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names[s.Name.Name] = true
				case *ast.ValueSpec:
					for _, name := range s.Names {
						names[name.Name] = true
					}
				}
			}
		}
	}
}
