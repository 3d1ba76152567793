// Package webassets has the files that all pages for browsers share, and knows how files are named and compressed.
package webassets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Files has frame.css, the style that all pages share, and icon.svg.
//
//go:embed frame.* icon.*
var Files embed.FS

// File is a file that browsers load.
type File struct {
	Name      string // with a hash of the content
	MediaType string
	Body      []byte
	// Gzip and Brotli are the same content, compressed. They are nil if the content has changed since `make generate-assets`.
	Gzip, Brotli []byte
}

// mediaTypes are those of the files that pages load, by the end of a file's name.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// Read returns a file with its compressed forms. They are beside the file, and their names have the hash of its content. So a form
// of an earlier content is never sent.
func Read(from fs.FS, name string) (File, error) {
	body, err := fs.ReadFile(from, name)
	if err != nil {
		return File{}, err
	}
	mediaType, ok := mediaTypes[path.Ext(name)]
	if !ok {
		return File{}, fmt.Errorf("the media type of %s is not known", name)
	}
	hashed := HashedName(name, body)
	f := File{Name: path.Base(hashed), MediaType: mediaType, Body: body}
	if f.Gzip, err = readForm(from, hashed+".gz"); err != nil {
		return File{}, err
	}
	f.Brotli, err = readForm(from, hashed+".br")
	return f, err
}

// readForm returns nil if there is no such file.
func readForm(from fs.FS, name string) ([]byte, error) {
	body, err := fs.ReadFile(from, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return body, err
}

// HashedName returns the name of a file with a hash of its content, so that browsers may keep the file forever.
func HashedName(name string, body []byte) string {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
}

// Gzip returns a page as gzip. Files are compressed when they are generated.
func Gzip(body []byte) []byte {
	var buf bytes.Buffer
	w, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // the level is a constant
	_, _ = w.Write(body)                                    // a buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}
