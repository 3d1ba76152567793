// Package docpages renders a service's documents as pages for a browser: an index, the HTTP API in Swagger UI, and the
// events. It knows documents and pact files, but no service. The index and the events need no JavaScript.
package docpages

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"path"

	"go.yaml.in/yaml/v3"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/webassets"
)

// Config has the content of the pages.
type Config struct {
	Service  string   // the name of the service, as in pact files
	Bases    []string // the paths below which the pages are served: "" for the root, or for example "/catalog"
	API      []string // the paths of the API
	Admin    string   // the path of the admin pages
	OpenAPI  []byte   // the documents, in YAML
	AsyncAPI []byte
	Pacts    fs.FS // holds the pact files of all services, *.json in any folder; may be nil
	// OperationsApart says that health and metrics have an address of their own, which is not for everybody.
	OperationsApart bool
}

//go:embed templates/*.html
var templates embed.FS

//go:embed static/* swagger-ui/*.css swagger-ui/*.js swagger-ui/*.gz swagger-ui/*.br
var files embed.FS

const htmlType = "text/html; charset=utf-8"

// Pages renders all pages below each base. It returns an error if a document cannot be parsed.
func Pages(cfg Config) ([]httpserver.Page, error) {
	var api apiDocument
	if err := yaml.Unmarshal(cfg.OpenAPI, &api); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	events, err := readEvents(cfg)
	if err != nil {
		return nil, err
	}
	assets, err := readAssets()
	if err != nil {
		return nil, err
	}
	v := pageData{OperationsApart: cfg.OperationsApart, Title: api.Info.Title, API: api, Roots: cfg.API, Admin: cfg.Admin, Events: events}
	var pages []httpserver.Page
	for _, base := range cfg.Bases {
		below, err := v.below(base, assets)
		if err != nil {
			return nil, err
		}
		pages = append(pages, below...)
	}
	return pages, nil
}

// apiDocument has the parts of the OpenAPI document that the pages show outside Swagger UI.
type apiDocument struct {
	Info struct{ Title, Version, Description string }
}

// pageData is the data of every template.
type pageData struct {
	Base   string
	Here   string // the name of the page
	Title  string // the title of the service
	API    apiDocument
	Roots  []string
	Admin  string
	Events *eventsView
	// OperationsApart leaves out the links to health and metrics.
	OperationsApart bool
	assets          map[string]string // addresses by name
}

// Asset returns the address of a file that the pages use.
func (v pageData) Asset(name string) (string, error) {
	if at, ok := v.assets[name]; ok {
		return at, nil
	}
	return "", fmt.Errorf("there is no asset %s", name)
}

// readAssets reads the files that the pages use, once for all bases, by their names without a hash.
func readAssets() (map[string]webassets.File, error) {
	all := map[string]webassets.File{}
	for _, file := range []struct {
		from embed.FS
		name string
	}{
		{webassets.Files, "frame.css"}, {files, "static/content.css"}, {webassets.Files, "icon.svg"},
		{files, "static/swagger.js"}, {files, "static/swagger.css"},
		{files, "swagger-ui/swagger-ui.css"}, {files, "swagger-ui/swagger-ui-bundle.js"},
	} {
		read, err := webassets.Read(file.from, file.name)
		if err != nil {
			return nil, err
		}
		all[path.Base(file.name)] = read
	}
	return all, nil
}

// below renders the pages below one base. Their paths are absolute.
func (v pageData) below(base string, assets map[string]webassets.File) ([]httpserver.Page, error) {
	v.Base, v.assets = base, map[string]string{}
	var pages []httpserver.Page
	for name, file := range assets {
		asset := httpserver.FilePage(base+"/docs/assets", file)
		v.assets[name] = asset.Path
		pages = append(pages, asset)
	}
	for name, at := range map[string]string{"index": cmp.Or(base, "/"), "docs": base + "/docs", "events": base + "/docs/events"} {
		v.Here = name
		body, err := render(v)
		if err != nil {
			return nil, err
		}
		pages = append(pages, httpserver.Page{Path: at, MediaType: htmlType, Body: body})
	}
	return pages, nil
}

// render returns one page as HTML.
func render(v pageData) ([]byte, error) {
	set, err := template.New("").Funcs(template.FuncMap{"prose": prose, "opening": opening}).ParseFS(templates, "templates/layout.html", "templates/"+v.Here+".html")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := set.ExecuteTemplate(&out, "layout", v); err != nil {
		return nil, fmt.Errorf("render the page %s: %w", v.Here, err)
	}
	return out.Bytes(), nil
}
