package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The forms in the repository are those of the present files.
func TestFormsAreCurrent(t *testing.T) {
	t.Parallel()
	for _, folder := range folders {
		missing, stale, err := compare(filepath.Join("../..", folder))
		if err != nil {
			t.Fatal(err)
		}
		if len(missing)+len(stale) > 0 {
			t.Errorf("run make generate-assets: %q are missing or wrong, %q are not used any more", slices.Sorted(maps.Keys(missing)), stale)
		}
		if forms, err := filepath.Glob(filepath.Join("../..", folder, "*.br")); err != nil || len(forms) == 0 {
			t.Errorf("%s has %d files, %v", folder, len(forms), err)
		}
	}
}

func TestCompress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(names ...string) {
		t.Helper()
		if err := compress(dir); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if !slices.Equal(got, names) {
			t.Errorf("the folder has %q, want %q", got, names)
		}
		if missing, stale, err := compare(dir); err != nil || len(missing)+len(stale) > 0 {
			t.Errorf("%v are missing, %v too much, %v", missing, stale, err)
		}
	}
	write("a.css", "a")
	write("notes.md", "a")
	want("a.ca978112ca1b.css.br", "a.ca978112ca1b.css.gz", "a.css", "notes.md")
	write("a.ca978112ca1b.css.gz", "not gzip") // wrong forms are written again
	write("a.ca978112ca1b.css.br", "not brotli")
	want("a.ca978112ca1b.css.br", "a.ca978112ca1b.css.gz", "a.css", "notes.md")
	write("a.css", "b") // the forms of another content are removed
	want("a.3e23e8160039.css.br", "a.3e23e8160039.css.gz", "a.css", "notes.md")
}
