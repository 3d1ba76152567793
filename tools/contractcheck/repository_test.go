package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// clone is a repository with one commit on main, which has the small documents.
func clone(t *testing.T) *repository {
	t.Helper()
	r := &repository{root: t.TempDir()}
	r.must(t, "init", "-q", "-b", "main")
	for path, text := range small(t) {
		r.write(t, path, string(text))
	}
	r.commit(t)
	return r
}

func (r *repository) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.git(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (r *repository) write(t *testing.T, path, text string) {
	t.Helper()
	target := filepath.Join(r.root, path)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *repository) commit(t *testing.T) (commit string) {
	t.Helper()
	r.must(t, "add", "-A")
	r.must(t, "-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false", "commit", "-q", "--allow-empty", "-m", "A change")
	return r.must(t, "rev-parse", "HEAD")
}

func TestBase(t *testing.T) {
	t.Parallel()
	r := clone(t)
	first := r.must(t, "rev-parse", "HEAD")
	want := func(ref, commit string) {
		t.Helper()
		if got, err := r.base(t.Context(), ref); err != nil || got != commit {
			t.Errorf("base of %q is %s, %v; want %s", ref, got, err, commit)
		}
	}
	if _, err := r.base(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "no commit to compare with") {
		t.Errorf("of a single commit: %v", err)
	}
	second := r.commit(t)
	want("", first) // on main, the base is the commit before
	r.must(t, "switch", "-q", "-c", "branch")
	r.commit(t)
	r.commit(t)
	want("", second) // on a branch, the base is the commit where it left main
	want(first, first)
	if _, err := r.base(t.Context(), "nothing"); err == nil {
		t.Error("a ref that is not there has a base")
	}
}

func TestFilesOfBothStates(t *testing.T) {
	t.Parallel()
	r := clone(t)
	head := r.must(t, "rev-parse", "HEAD")
	r.write(t, "api/README.md", "not compared")
	r.write(t, acceptedFile, "# not committed")
	before, err := r.at(t.Context(), head)
	if err != nil {
		t.Fatal(err)
	}
	after, err := r.now()
	if err != nil {
		t.Fatal(err)
	}
	if len(before) != 3 || len(after) != 4 || string(after[acceptedFile]) != "# not committed" {
		t.Errorf("%d files before, %d now", len(before), len(after))
	}
	for path, text := range before {
		if string(text) != string(after[path]) {
			t.Errorf("%s is not the same in both states", path)
		}
	}
}

// TestNothingToCompare: if the check looked for a document in the wrong place, it would accept every change.
func TestNothingToCompare(t *testing.T) {
	t.Parallel()
	r := clone(t)
	r.must(t, "mv", "asyncapi", "events")
	if _, err := r.at(t.Context(), r.commit(t)); err == nil || !strings.Contains(err.Error(), "nothing to compare") {
		t.Errorf("got %v", err)
	}
}
