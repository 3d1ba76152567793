package webassets_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"
	"testing/fstest"

	"github.com/monsplit/monsplit/internal/webassets"
)

// The name of a file changes with its content, so that no browser keeps an old style.
func TestHashedName(t *testing.T) {
	t.Parallel()
	one, other := webassets.HashedName("frame.css", []byte("a")), webassets.HashedName("frame.css", []byte("b"))
	if one != "frame.ca978112ca1b.css" || one == other {
		t.Errorf("%s and %s", one, other)
	}
}

// The files come with their compressed forms. tools/compress: TestFormsAreCurrent has those of other packages.
func TestRead(t *testing.T) {
	t.Parallel()
	for name, mediaType := range map[string]string{"frame.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		f, err := webassets.Read(webassets.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name != webassets.HashedName(name, f.Body) || f.MediaType != mediaType || len(f.Brotli) == 0 || len(f.Brotli) >= len(f.Body) {
			t.Errorf("%s is %s, a %s with %d of %d bytes", name, f.Name, f.MediaType, len(f.Brotli), len(f.Body))
		}
		if got := unzip(t, f.Gzip); !bytes.Equal(got, f.Body) {
			t.Errorf("%s: %q is compressed", name, got)
		}
	}
}

// A form of another content has another name, so it is never sent.
func TestReadIgnoresOtherForms(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"a/x.css": {Data: []byte("new")}, "a/x.ca978112ca1b.css.gz": {Data: []byte("old")}, "a/x.ca978112ca1b.css.br": {Data: []byte("old")},
		"x.txt": {Data: []byte("text")},
	}
	if f, err := webassets.Read(files, "a/x.css"); err != nil || f.Name != "x.11507a0e2f5e.css" || f.Gzip != nil || f.Brotli != nil {
		t.Errorf("%+v, %v", f, err)
	}
	for _, name := range []string{"a/missing.css", "x.txt"} {
		if _, err := webassets.Read(files, name); err == nil {
			t.Errorf("%s can be read", name)
		}
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("<p>"), 100)
	compressed := webassets.Gzip(body)
	if back := unzip(t, compressed); !bytes.Equal(back, body) || len(compressed) >= len(body) {
		t.Errorf("%q came back from %d bytes", back, len(compressed))
	}
}

func unzip(t *testing.T, compressed []byte) []byte {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
