package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/scratch"
)

// A change that makes a patch out of date is told so at once, and not by the next "make test-mutants", which takes
// minutes.
func TestEveryPatchApplies(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	mutants, err := load("patches", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutants {
		// Reading the sources here also tells "go test" what a cached result depends on: it does not see what git reads.
		for _, name := range targets(t, m) {
			if _, err := os.ReadFile(filepath.Join(root, name)); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		}
		if err := m.apply(t.Context(), root, "--check"); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		if !hasTest(t, filepath.Join(root, m.pkg), m.test) {
			t.Errorf("%s: there is no %s in %s", m.name, m.test, m.pkg)
		}
	}
}

// targets lists the files that a patch changes.
func targets(t *testing.T, m mutant) (names []string) {
	t.Helper()
	text, err := os.ReadFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^\+\+\+ b/(.+)$`).FindAllSubmatch(text, -1) {
		names = append(names, string(match[1]))
	}
	if len(names) == 0 {
		t.Errorf("%s changes nothing", m.name)
	}
	return names
}

func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("\nfunc "+name+"(t *testing.T)")) {
			return true
		}
	}
	return false
}

// Where the source lies, without a repository or inside another one, a patch that is out of date is noticed.
func TestAnOutdatedPatchIsNoticed(t *testing.T) {
	t.Parallel()
	outer := t.TempDir()
	if out, err := scratch.Command(t.Context(), outer, "git", "init", "--quiet").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root := filepath.Join(outer, "source")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	patch := filepath.Join(outer, "x.patch")
	for name, text := range map[string]string{
		filepath.Join(root, "a.go"): "package a\n\nvar x = 1\n",
		patch:                       "--- a/a.go\n+++ b/a.go\n@@ -3 +3 @@\n-var x = 1\n+var x = 2\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := mutant{file: patch, mechanism: "x is 1"}
	if err := m.apply(t.Context(), root, "--check"); err != nil {
		t.Error(err)
	}
	if err := m.apply(t.Context(), root); err != nil {
		t.Error(err)
	}
	if err := m.apply(t.Context(), root, "--check"); err == nil || !strings.Contains(err.Error(), `make it anew for "x is 1"`) {
		t.Errorf("a patch that does not apply: %v", err)
	}
}
