package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A random test can fail with a different message in each run. A patch that demanded one of them would be reported as
// FAILED now and then, although the test noticed the mutation.
func TestSaysOnlyOfDeterministicTests(t *testing.T) {
	t.Parallel()
	mutants, err := load("patches", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		name, _, _ := strings.Cut(m.test, "/")
		switch isRandom := drawsRandomly(t, filepath.Join("../../../..", m.pkg), name); {
		case isRandom && m.says != "":
			t.Errorf("%s: %s draws random values, and can fail with another message than %q: remove the line Says", m.name, m.test, m.says)
		case !isRandom && m.says == "":
			t.Errorf("%s: %s is deterministic: add the line Says with a part of its message", m.name, m.test)
		}
	}
}

func TestDrawsRandomly(t *testing.T) {
	t.Parallel()
	const folder = "../../../../services/catalog/internal/productcopy"
	if !drawsRandomly(t, folder, "TestApplyProductsAnyOrder") || drawsRandomly(t, folder, "TestApplyProducts") {
		t.Error("random and deterministic tests are not distinguished")
	}
}

var sourcesOfChance = []string{"pgregory.net/rapid", "math/rand", "math/rand/v2", "crypto/rand", "testing/quick"}

// drawsRandomly reports whether the test, or a function beside it that it calls, calls one of sourcesOfChance. It does
// not follow methods: by their name alone it would find those of other types too.
func drawsRandomly(t *testing.T, folder, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string][]ast.Node{} // by name
	chance := map[ast.Node][]string{}    // what the function's file calls sourcesOfChance
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		var imported []string
		for _, spec := range file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			if slices.Contains(sourcesOfChance, path) {
				imported = append(imported, filepath.Base(strings.TrimSuffix(path, "/v2")))
			}
		}
		for _, declared := range file.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil {
				functions[f.Name.Name] = append(functions[f.Name.Name], f)
				chance[f] = imported
			}
		}
	}
	seen := map[string]bool{}
	var draws func(name string) bool
	draws = func(name string) (found bool) {
		if seen[name] {
			return false
		}
		seen[name] = true
		for _, f := range functions[name] {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || found {
					return !found
				}
				switch called := call.Fun.(type) {
				case *ast.Ident:
					found = draws(called.Name)
				case *ast.SelectorExpr:
					from, ok := called.X.(*ast.Ident)
					found = ok && slices.Contains(chance[f], from.Name)
				}
				return !found
			})
		}
		return found
	}
	return draws(test)
}
