package archtest

import (
	"regexp"
	"slices"
	"strings"
)

// These patterns stand for a class of packages. Every other pattern is a path, in which "*" is any one folder and a last
// "/**" is the package itself and everything below it.
const (
	all        = "@all"
	ofModule   = "@module"     // the packages of this module
	standard   = "@standard"   // the standard library
	thirdParty = "@thirdparty" // all other modules
)

// matcher matches paths as in Package.
type matcher struct {
	top      []string // the module's top folders: they tell its packages from the standard library's
	patterns []*regexp.Regexp
	classes  []string
}

func newMatcher(patterns, top []string) matcher {
	m := matcher{top: top}
	for _, p := range patterns {
		if strings.HasPrefix(p, "@") {
			m.classes = append(m.classes, p)
			continue
		}
		m.patterns = append(m.patterns, compile(p))
	}
	return m
}

func compile(pattern string) *regexp.Regexp {
	start, below := strings.CutSuffix(pattern, "/**")
	expression := strings.ReplaceAll(regexp.QuoteMeta(start), `\*`, `[^/]+`)
	if below {
		expression += `(/.*)?`
	}
	return regexp.MustCompile("^" + expression + "$")
}

func (m matcher) match(path string) bool {
	return slices.Contains(m.classes, all) || slices.Contains(m.classes, class(path, m.top)) ||
		slices.ContainsFunc(m.patterns, func(p *regexp.Regexp) bool { return p.MatchString(path) })
}

func class(path string, top []string) string {
	first, _, _ := strings.Cut(path, "/")
	switch {
	case slices.Contains(top, first):
		return ofModule
	case strings.Contains(first, "."):
		return thirdParty
	}
	return standard
}

// topFolders returns the first folder of each package.
func topFolders(packages []Package) (top []string) {
	for _, p := range packages {
		if first, _, _ := strings.Cut(p.Path, "/"); !slices.Contains(top, first) {
			top = append(top, first)
		}
	}
	return top
}
