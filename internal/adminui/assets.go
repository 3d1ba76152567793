package adminui

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/webassets"
)

// static has the files that only the admin pages use. The others are in internal/webassets.
//
//go:embed static/*
var static embed.FS

// asset is a file that pages load. Its address changes with its content, so that browsers never ask for it again.
type asset struct {
	path, mediaType  string
	body, compressed []byte
}

// readAssets returns the files by their names. Their addresses are below base.
func readAssets(base string) (map[string]asset, error) {
	all := map[string]asset{}
	for name, mediaType := range map[string]string{"frame.css": "text/css; charset=utf-8", "admin.css": "text/css; charset=utf-8", "admin.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		body, err := webassets.Files.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			body, err = static.ReadFile("static/" + name)
		}
		if err != nil {
			return nil, fmt.Errorf("read the file %s: %w", name, err)
		}
		all[name] = asset{path: base + "/assets/" + webassets.HashedName(name, body), mediaType: mediaType, body: body, compressed: webassets.Gzip(body)}
	}
	return all, nil
}

// ServeHTTP serves the file.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Add("Vary", "Accept-Encoding")
	body := a.body
	if httpserver.AcceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = a.compressed
	}
	_, _ = w.Write(body) // the client may be gone
}
