package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Only a folder whose demo has ended is removed. A link in the folder for temporary files is not followed.
func TestLeftoversAreRemoved(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	running, release, err := openScratch(parent)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(parent, scratchPrefix+"left")
	foreign := filepath.Join(t.TempDir(), "foreign")
	for _, dir := range []string{left, foreign} {
		if err := os.MkdirAll(filepath.Join(dir, "postgres"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(parent, scratchPrefix+"link")
	if err := os.Symlink(foreign, link); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	removeLeftovers(t.Context(), parent, &narrator{out: &out, began: time.Now()})
	for path, want := range map[string]bool{running: true, left: false, link: true, foreign: true, filepath.Join(foreign, "lock"): false} {
		if _, err := os.Lstat(path); (err == nil) != want {
			t.Errorf("%s is there: %t", path, !want)
		}
	}
	if strings.Count(out.String(), "\n") != 1 || !strings.Contains(out.String(), left) {
		t.Errorf("said %q", out.String())
	}
	release()
	if _, err := os.Lstat(running); err == nil {
		t.Error("a scratch folder outlives its demo")
	}
}
