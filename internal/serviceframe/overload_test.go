package serviceframe_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/access"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// An operator finds every metric about requests, connections and pools in the docs. The docs name no others, and every pool has
// its metrics.
func TestMetricsOfOverloadAreDocumented(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(document), "\n## Metrics of overload\n")
	section, _, _ = strings.Cut(section, "\n## ")
	documented := match(section, "`((?:http|database_pool)_[a-z_]+)`")
	s := startGuarded(t, "monolith", services.OpenAPI(t)["monolith"], access.Settings{Prefixes: []string{"/api"}, Rate: 1, Burst: 1}, nil)
	s.Get("/livez") // so that there is a series of each metric
	text := s.Get("/metrics").Text
	if served := match(text, `(?m)^# TYPE ((?:http|database_pool)_[a-z_]+) `); len(served) == 0 || !slices.Equal(served, documented) {
		t.Errorf("the service has the metrics\n%q, docs/deploy.md has\n%q", served, documented)
	}
	pools := match(text, `(?m)^database_pool_max_connections\{pool="([a-z]+)"\}`)
	if want := []string{"access", "direct", "list", "read", "readiness", "write"}; !slices.Equal(pools, want) {
		t.Errorf("there are metrics of the pools %q, want %q", pools, want)
	}
	for _, pool := range pools {
		if !strings.Contains(section, "`"+pool+"`") {
			t.Errorf("docs/deploy.md does not name the pool %s", pool)
		}
	}
}

// match returns what the group of the pattern matches, sorted, each text once.
func match(text, pattern string) (found []string) {
	for _, groups := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, groups[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}
