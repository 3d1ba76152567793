// Command compress writes the compressed forms of the files that browsers load, so that the services have nothing to compress.
// Run it in the root folder of the repository.
//
// Beside each NAME.EXT of its folders, it writes NAME.HASH.EXT.gz and NAME.HASH.EXT.br, and removes those of earlier contents.
// internal/webassets reads them. A form that has the right content is left as it is, because another release of Go or of the
// library could write it in another way.
package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/andybalholm/brotli"

	"github.com/monsplit/monsplit/internal/webassets"
)

// folders have files that browsers load, and their compressed forms.
var folders = []string{"internal/webassets", "internal/adminui/static", "internal/docpages/static", "internal/docpages/swagger-ui"}

// encodings are the ways to compress, by the end of a file's name.
var encodings = map[string]struct {
	encode func([]byte) []byte
	decode func(io.Reader) (io.Reader, error)
}{
	".gz": {webassets.Gzip, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	".br": {brotliOf, func(r io.Reader) (io.Reader, error) { return brotli.NewReader(r), nil }},
}

// sources are the names of files that browsers load, and forms those of their compressed forms.
var (
	sources = regexp.MustCompile(`\.(css|js|svg)$`)
	forms   = regexp.MustCompile(`\.[0-9a-f]{12}\.(css|js|svg)\.(gz|br)$`)
)

func main() {
	for _, folder := range folders {
		if err := compress(folder); err != nil {
			fmt.Fprintf(os.Stderr, "compress: %s: %v\n", folder, err)
			os.Exit(1)
		}
	}
}

// compress writes what a folder lacks, and removes what it has too much.
func compress(folder string) error {
	missing, stale, err := compare(folder)
	if err != nil {
		return err
	}
	for name, body := range missing {
		if err := os.WriteFile(name, encodings[filepath.Ext(name)].encode(body), 0o644); err != nil {
			return err
		}
	}
	for _, name := range stale {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// compare returns the forms that a folder lacks, or that have another content, each with the content that it must have. It also
// returns the forms that belong to no file.
func compare(folder string) (missing map[string][]byte, stale []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, nil, err
	}
	missing = map[string][]byte{}
	var current []string
	for _, e := range entries {
		if !sources.MatchString(e.Name()) {
			continue
		}
		name := filepath.Join(folder, e.Name())
		body, err := os.ReadFile(name)
		if err != nil {
			return nil, nil, err
		}
		for ext := range encodings {
			form := webassets.HashedName(name, body) + ext
			current = append(current, form)
			if !has(form, body) {
				missing[form] = body
			}
		}
	}
	for _, e := range entries {
		if name := filepath.Join(folder, e.Name()); forms.MatchString(e.Name()) && !slices.Contains(current, name) {
			stale = append(stale, name)
		}
	}
	return missing, stale, nil
}

// has reports whether a form has the content.
func has(form string, body []byte) bool {
	compressed, err := os.ReadFile(form)
	if err != nil {
		return false
	}
	reader, err := encodings[filepath.Ext(form)].decode(bytes.NewReader(compressed))
	if err != nil {
		return false
	}
	got, err := io.ReadAll(reader)
	return err == nil && bytes.Equal(got, body)
}

func brotliOf(body []byte) []byte {
	var buf bytes.Buffer
	w := brotli.NewWriterLevel(&buf, brotli.BestCompression)
	_, _ = w.Write(body) // a buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}
