//go:build scaffold

package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/scratch"
)

// TestANewServicePassesItsTests adds two services to a copy of the repository. Nothing is edited by hand. Both are built. The
// tests of the first pass, and so do those that examine all services. Needs TEST_DATABASE_URL: make test-newservice.
//
//nolint:paralleltest // it changes the working directory
func TestANewServicePassesItsTests(t *testing.T) {
	if os.Getenv("TEST_DATABASE_URL") == "" {
		t.Fatal("TEST_DATABASE_URL is not set: run make test-newservice")
	}
	// Nobody needs these two. The second model has a name that generators may take for a plural, and a plural of its own.
	in := withServices(t, []string{"specimens"}, []string{"-model", "genus", "-plural", "genera", "herbaria"})
	in.must(".", "go vet ./services/herbaria/... ./cmd/herbaria ./api/...")
	// -short: a test of the documents would run whole commands.
	in.must(".", "go test -short ./services/specimens/... ./internal/archtest ./internal/config ./api/... ./asyncapi ./internal/docpages ./internal/eventschema")
	in.must(".", "go test -run (Listed|OwnedRows|Migrations|Scan)/specimen ./internal/postgres")
	in.must(".", "go test -run ^TestSpecimens ./internal/e2e")
	in.must("deploy", "go test ./gateway ./compose")
	in.must("deploy", "go vet -tags=gateway,compose ./gateway ./compose")
}

// TestANewServiceIsClean runs the linter on the code of a new service, with its contract test. It is part of make lint.
//
//nolint:paralleltest // it changes the working directory
func TestANewServiceIsClean(t *testing.T) {
	in := withServices(t, []string{"specimens"})
	lint := "go tool -modfile=" + filepath.Join(in.root, "tools/lint/go.mod") + " golangci-lint run "
	in.must(".", lint+"./services/specimens/... ./cmd/specimens ./api/... ./sql/specimens ./internal/e2e ./internal/postgres ./internal/config")
	in.must("deploy", lint+"./gateway")
}

// scratchCopy is a copy of the repository with new services, whose code is generated.
type scratchCopy struct {
	t    *testing.T
	root string
}

func withServices(t *testing.T, services ...[]string) scratchCopy {
	t.Helper()
	t.Chdir("../..")
	in := scratchCopy{t, t.TempDir()}
	if err := scratch.Copy(t.Context(), in.root); err != nil {
		t.Fatal(err)
	}
	for _, args := range services {
		if err := run(t.Context(), append([]string{"-root", in.root, "-force"}, args...), io.Discard, io.Discard); err != nil {
			t.Fatal(err)
		}
	}
	in.must(".", "make --no-print-directory generate")
	return in
}

// must runs a command in a folder of the copy.
func (in scratchCopy) must(folder, line string) {
	in.t.Helper()
	words := strings.Fields(line)
	cmd := scratch.Command(in.t.Context(), filepath.Join(in.root, folder), words[0], words[1:]...)
	// Without the paths in them, packages that are the same in each copy come from Go's cache.
	cmd.Env = append(cmd.Env, "GOFLAGS=-trimpath")
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "no tests to run") {
		in.t.Fatalf("%s: %v\n%s", line, err, out)
	}
}
