package adminui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
)

// Static has the files that all pages for browsers share: static/frame.css and static/icon.svg. static/admin.css is for the
// admin pages alone.
//
//go:embed static/*
var Static embed.FS

// asset is a file that pages load. Its address changes with its content, so that browsers never ask for it again.
type asset struct {
	path, mediaType  string
	body, compressed []byte
}

// readAssets returns the files by their names. Their addresses are below base.
func readAssets(base string) (map[string]asset, error) {
	all := map[string]asset{}
	for name, mediaType := range map[string]string{"frame.css": "text/css; charset=utf-8", "admin.css": "text/css; charset=utf-8", "admin.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		body, err := Static.ReadFile("static/" + name)
		if err != nil {
			return nil, fmt.Errorf("read the file %s: %w", name, err)
		}
		all[name] = asset{path: base + "/assets/" + HashedName(name, body), mediaType: mediaType, body: body, compressed: compress(body)}
	}
	return all, nil
}

// HashedName returns the name of a file with a hash of its content, so that browsers may keep the file forever.
func HashedName(name string, body []byte) string {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
}

func compress(body []byte) []byte {
	var buf bytes.Buffer
	w, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // the level is a constant
	_, _ = w.Write(body)                                    // a buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}

// ServeHTTP serves the file.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Add("Vary", "Accept-Encoding")
	body := a.body
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.compressed
	}
	_, _ = w.Write(body) // the client may be gone
}
