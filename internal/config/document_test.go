package config_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/services/catalog"
	"github.com/monsplit/monsplit/services/monolith"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md")

// services are all services with their defaults, in the order of the document.
var services = []struct {
	name     string
	defaults config.Config
}{
	{"monolith", monolith.Defaults()},
	{"catalog", catalog.Defaults()},
}

func TestTheDocumentIsUpToDate(t *testing.T) {
	t.Parallel()
	const file = "../../docs/configuration.md"
	want := "# Configuration\n\nThe services read their settings from the environment. `validate-config` prints the settings, with secrets masked.\n" +
		"It reports every fault at once.\n\n## Every service\n\n" + config.Markdown(config.Defaults(config.Common{}))
	for _, s := range services {
		if own := config.Own(s.defaults); len(own) > 0 {
			want += "\n## The " + s.name + ": its own settings and defaults\n\n" + config.Markdown(own)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("docs/configuration.md is out of date (%v): go test ./internal/config -update", err)
	}
}

func TestEveryServiceIsDocumented(t *testing.T) {
	t.Parallel()
	folders, err := os.ReadDir("../../services")
	if err != nil {
		t.Fatal(err)
	}
	var names, want []string
	for _, f := range folders {
		want = append(want, f.Name())
	}
	for _, s := range services {
		names = append(names, s.name)
	}
	if slices.Sort(names); !slices.Equal(names, want) {
		t.Errorf("the document has the services %q, the folder %q", names, want)
	}
}

// A variable has one meaning in a service, and every variable is described.
func TestVariablesAreUniqueAndDescribed(t *testing.T) {
	t.Parallel()
	for _, s := range services {
		seen := map[string]bool{}
		for _, v := range config.Variables(s.defaults) {
			if seen[v.Name] || v.About == "" || v.Name != strings.ToUpper(v.Name) {
				t.Errorf("%s: %+v is not described, or not the only one of its name", s.name, v)
			}
			seen[v.Name] = true
		}
	}
}
