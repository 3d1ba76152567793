package archtest

import (
	"fmt"
	"slices"
	"strings"
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

// Stale returns a text for each pattern that names nothing any more. A rename would otherwise switch a rule off silently.
// A path of this module must be a package, and one of another module must be imported somewhere.
func (r Rule) Stale(packages []Package) (stale []string) {
	top := topFolders(packages)
	for _, pattern := range slices.Concat(r.From, r.Except, r.Deny, r.Allow) {
		if strings.HasPrefix(pattern, "@") || class(pattern, top) == standard && !isPathOfOurs(pattern) {
			continue
		}
		if named := compile(pattern).MatchString; !slices.ContainsFunc(packages, func(p Package) bool {
			return named(p.Path) || slices.ContainsFunc(slices.Concat(p.Imports, p.TestImports), named)
		}) {
			stale = append(stale, fmt.Sprintf("rule %q names %s, which does not exist: correct or remove the pattern", r.Name, pattern))
		}
	}
	return stale
}

// isPathOfOurs reports whether a pattern can only mean this module, although no package has its first folder.
func isPathOfOurs(pattern string) bool {
	first, _, _ := strings.Cut(pattern, "/")
	return slices.Contains([]string{"api", "asyncapi", "cmd", "deploy", "examples", "internal", "services", "sql", "tools"}, first)
}
