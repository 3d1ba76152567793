package adminui

import (
	"embed"
	"fmt"
	"path"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/webassets"
)

// static has the files that only the admin pages use. The others are in internal/webassets.
//
//go:embed static/*
var static embed.FS

// readAssets returns the files that pages load, by their names without a hash. Their addresses are below base.
func readAssets(base string) (map[string]httpserver.Page, error) {
	all := map[string]httpserver.Page{}
	for name, from := range map[string]embed.FS{
		"frame.css": webassets.Files, "icon.svg": webassets.Files, "static/admin.css": static, "static/admin.js": static,
	} {
		file, err := webassets.Read(from, name)
		if err != nil {
			return nil, fmt.Errorf("read the file %s: %w", name, err)
		}
		all[path.Base(name)] = httpserver.FilePage(base+"/assets", file)
	}
	return all, nil
}
