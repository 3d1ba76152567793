package pgserver

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExtractStaysInsideItsFolder(t *testing.T) {
	t.Parallel()
	file := func(name string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: 4}
	}
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	tests := map[string]struct {
		entries []tar.Header
		want    string // "" if the archive is fine
	}{
		"files without their folders, and a link": {[]tar.Header{file("bin/postgres"), link("lib/libpq.so", "libpq.so.5")}, ""},
		"a parent folder":                         {[]tar.Header{file("../out")}, "escapes"},
		"an absolute path":                        {[]tar.Header{file("/out")}, "escapes"},
		"a link to the outside":                   {[]tar.Header{link("lib", ".."), file("lib/out")}, "escapes"},
		"a device":                                {[]tar.Header{{Typeflag: tar.TypeChar, Name: "null"}}, "unexpected type"},
		"a file twice":                            {[]tar.Header{file("a"), file("a")}, "exists"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outside := t.TempDir()
			inside := filepath.Join(outside, "inside")
			if err := os.Mkdir(inside, 0o755); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(inside)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			err = extract(tar.NewReader(archiveOf(t, tt.entries)), root)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if _, err := os.Lstat(filepath.Join(outside, "out")); err == nil {
				t.Error("a file was written outside of the folder")
			}
			if tt.want != "" {
				return
			}
			if text, err := root.ReadFile("bin/postgres"); err != nil || string(text) != "text" {
				t.Errorf("bin/postgres has %q, %v", text, err)
			}
			if to, err := root.Readlink("lib/libpq.so"); err != nil || to != "libpq.so.5" {
				t.Errorf("lib/libpq.so leads to %q, %v", to, err)
			}
		})
	}
}

// archiveOf returns a tar archive whose files contain "text".
func archiveOf(t *testing.T, entries []tar.Header) *bytes.Buffer {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, header := range entries {
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte("text")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &archive
}
