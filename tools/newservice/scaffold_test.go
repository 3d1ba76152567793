//go:build scaffold

package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestANewServicePassesItsTests adds two services to a copy of the repository. Nothing is edited by hand. Both are built; the
// tests of the first, and those that examine all services, pass. Needs TEST_DATABASE_URL: make test-newservice.
func TestANewServicePassesItsTests(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEST_DATABASE_URL") == "" {
		t.Fatal("TEST_DATABASE_URL is not set: run make test-newservice")
	}
	root := repositoryCopy(t)
	for _, args := range [][]string{{"-force", "orders"}, {"-force", "-model", "parcel", "shipping"}} {
		if _, err := scaffold(t.Context(), root, args...); err != nil {
			t.Fatal(err)
		}
	}
	command := func(folder, name string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = filepath.Join(root, folder)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
	}
	command(".", "make", "--no-print-directory", "generate")
	command(".", "go", "vet", "./services/orders/...", "./services/shipping/...", "./cmd/orders", "./cmd/shipping", "./api/...")
	// -short: a test of the documents would run whole commands.
	command(".", "go", "test", "-short", "./services/orders/...", "./internal/archtest", "./internal/config", "./api/...", "./asyncapi",
		"./internal/docpages", "./internal/eventschema", "./internal/postgres")
	command("deploy", "go", "test", "./gateway", "./compose")
}

// repositoryCopy copies all files that git tracks or would add: the source as it is now, committed or not.
func repositoryCopy(t *testing.T) string {
	t.Helper()
	list, err := exec.CommandContext(t.Context(), "git", "-C", "../..", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for name := range bytes.SplitSeq(bytes.TrimRight(list, "\x00"), []byte{0}) {
		text, err := os.ReadFile(filepath.Join("../..", string(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted, but the deletion is not committed
		}
		if err != nil {
			t.Fatal(err)
		}
		put(t, root, string(name), text)
	}
	return root
}
