// Package webassets has the files that all pages for browsers share, and knows how files are named and compressed.
package webassets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"path"
	"strings"
)

// Files has frame.css, the style that all pages share, and icon.svg.
//
//go:embed frame.css icon.svg
var Files embed.FS

// HashedName returns the name of a file with a hash of its content, so that browsers may keep the file forever.
func HashedName(name string, body []byte) string {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
}

// Gzip returns the content as gzip. It takes its time, for the smallest result: the content of a file is compressed once.
func Gzip(body []byte) []byte {
	var buf bytes.Buffer
	w, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // the level is a constant
	_, _ = w.Write(body)                                    // a buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}
