package archtest

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Rule forbids the packages that match From to import what matches Deny, unless it matches Allow. All lists hold patterns
// on paths as in Package.
type Rule struct {
	Name    string
	Why     string // what breaks without the rule
	Instead string // what to do instead of the forbidden import
	From    []string
	Except  []string // packages that match From, but that the rule does not bind
	Deny    []string
	Allow   []string
	Tests   bool // binds the tests of these packages too
}

// Check returns a text for each import that breaks the rule. It says why the rule exists and what to do instead.
func (r Rule) Check(packages []Package) (broken []string) {
	top := topFolders(packages)
	from, except := newMatcher(r.From, top), newMatcher(r.Except, top)
	deny, allow := newMatcher(r.Deny, top), newMatcher(r.Allow, top)
	for _, p := range packages {
		if !from.match(p.Path) || except.match(p.Path) {
			continue
		}
		imports := p.Imports
		if r.Tests {
			imports = slices.Concat(p.Imports, p.TestImports)
		}
		for _, imported := range imports {
			if imported != p.Path && deny.match(imported) && !allow.match(imported) {
				broken = append(broken, fmt.Sprintf("%s imports %s\n\trule:    %s\n\twhy:     %s\n\tinstead: %s",
					p.Path, imported, r.Name, r.Why, r.Instead))
			}
		}
	}
	return broken
}

// Stale returns a text for each pattern that names nothing. A rename or a misspelling would otherwise switch a rule off
// silently. A path of this module must be a package, one of another module must be imported somewhere, and every other path
// must be a package of the standard library.
func (r Rule) Stale(packages []Package) (stale []string) {
	for _, pattern := range slices.Concat(r.From, r.Except, r.Deny, r.Allow) {
		if !namesSomething(pattern, packages) {
			stale = append(stale, fmt.Sprintf("rule %q names %s, which does not exist: correct or remove the pattern", r.Name, pattern))
		}
	}
	return stale
}

func namesSomething(pattern string, packages []Package) bool {
	if strings.HasPrefix(pattern, "@") {
		return slices.Contains([]string{all, ofModule, standard, thirdParty}, pattern)
	}
	named := compile(pattern).MatchString
	if slices.ContainsFunc(packages, func(p Package) bool {
		return named(p.Path) || slices.ContainsFunc(slices.Concat(p.Imports, p.TestImports), named)
	}) {
		return true
	}
	return class(pattern, topFolders(packages)) == standard && inStandardLibrary(pattern)
}

// inStandardLibrary reports whether the source of Go has a folder that the pattern names.
func inStandardLibrary(pattern string) bool {
	folders, err := filepath.Glob(filepath.Join(goroot(), "src", strings.TrimSuffix(pattern, "/**")))
	return err == nil && len(folders) > 0
}

// goroot returns the folder of Go. A test that is built with -trimpath knows it only from the go command.
var goroot = sync.OnceValue(func() string {
	out, err := exec.CommandContext(context.Background(), "go", "env", "GOROOT").Output()
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(out))
})
