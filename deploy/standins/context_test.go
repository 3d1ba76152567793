package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestBuildContext(t *testing.T) {
	t.Parallel()
	source := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(source, "bin"), 0o755),
		os.WriteFile(filepath.Join(source, "bin/go"), []byte("x"), 0o755), //nolint:gosec // a program
		os.Symlink("go", filepath.Join(source, "bin/link"))); err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	c := &buildContext{tar.NewWriter(&stream)}
	recipe := fstest.MapFS{
		"Dockerfile": {Data: []byte("FROM base")}, "run": {Data: []byte("#!/bin/bash")}, "10-x.envsh": {Data: []byte("x=y")},
	}
	if err := errors.Join(c.files(recipe), c.folder("root", source), c.tar.Close()); err != nil {
		t.Fatal(err)
	}
	got := map[string]fs.FileMode{}
	for files := tar.NewReader(&stream); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got[header.Name] = header.FileInfo().Mode()
	}
	want := map[string]fs.FileMode{
		"Dockerfile": 0o644, "run": 0o755, "10-x.envsh": 0o755, "root": fs.ModeDir | 0o755, "root/bin": fs.ModeDir | 0o755,
		"root/bin/go": 0o755, "root/bin/link": fs.ModeSymlink | 0o777,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}
