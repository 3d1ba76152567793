// Package archtest holds the architecture as rules on imports (rules.go). Its test fails when a package imports what its
// layer must not know, and prints why and what to do instead. Other tests in this package keep the documents true: the
// paths, links, make targets, tests and commands that they name must exist.
package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the import path that all packages of the project begin with.
const Module = "github.com/monsplit/monsplit"

// Package is one package and what it imports. A path inside the module is relative to it, as in "internal/apperr". All
// other paths are complete.
type Package struct {
	Path        string
	Imports     []string
	TestImports []string // of its tests, in the package and in its _test package
}

// List returns every package of the module in dir. It reads all Go files, for all build tags and systems. "go list" would
// leave out the files of a tag that it does not get, and no rule would bind them.
func List(dir string) ([]Package, error) {
	root := os.DirFS(dir)
	found := map[string]*Package{}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && foreign(root, name):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go" || ignored(name):
			return nil
		}
		at := path.Dir(name)
		if found[at] == nil {
			found[at] = &Package{Path: at}
		}
		return found[at].read(root, name)
	})
	if err != nil {
		return nil, fmt.Errorf("read the module's packages: %w", err)
	}
	packages := make([]Package, 0, len(found))
	for _, p := range found {
		packages = append(packages, *p)
	}
	slices.SortFunc(packages, func(a, b Package) int { return strings.Compare(a.Path, b.Path) })
	return packages, nil
}

// foreign reports whether the go command ignores the folder or treats it as another module.
func foreign(root fs.FS, folder string) bool {
	_, err := fs.Stat(root, path.Join(folder, "go.mod"))
	return err == nil || ignored(folder) || path.Base(folder) == "testdata"
}

func ignored(name string) bool { return strings.ContainsAny(path.Base(name)[:1], "._") }

func (p *Package) read(root fs.FS, name string) error {
	source, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
	if err != nil {
		return err
	}
	list := &p.Imports
	if strings.HasSuffix(name, "_test.go") {
		list = &p.TestImports
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		imported = strings.TrimPrefix(imported, Module+"/")
		if !slices.Contains(*list, imported) {
			*list = append(*list, imported)
		}
	}
	return nil
}
