package webassets_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

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

func TestGzip(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"frame.css", "icon.svg"} {
		body, err := webassets.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		compressed := webassets.Gzip(body)
		reader, err := gzip.NewReader(bytes.NewReader(compressed))
		if err != nil {
			t.Fatal(err)
		}
		if back, err := io.ReadAll(reader); err != nil || !bytes.Equal(back, body) || len(compressed) >= len(body) {
			t.Errorf("%s: %d of %d bytes came back from %d, %v", name, len(back), len(body), len(compressed), err)
		}
	}
}
