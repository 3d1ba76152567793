package httpserver

import (
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"strconv"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/monsplit/monsplit/internal/headerfield"
	"github.com/monsplit/monsplit/internal/webassets"
)

// Page is a fixed text for browsers: a page, or a file that a page uses.
type Page struct {
	Path      string // at "/" or at the server's prefix, the page is the index that browsers get
	MediaType string
	Body      []byte
	Immutable bool // the path changes with the body, so that a browser never has to revalidate it
}

// pagePolicy allows a page to load files from this server, and forbids inline code and styles. So a text that the browser
// mistakes for markup has no effect.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// yearLong is the longest time that servers commonly tell caches.
const yearLong = "public, max-age=31536000, immutable"

// handler serves the page, compressed for clients that accept gzip.
func (p Page) handler() echo.HandlerFunc {
	compressed := sync.OnceValue(func() []byte { return webassets.Gzip(p.Body) })
	sum := sha256.Sum256(p.Body)
	tag := hex.EncodeToString(sum[:8])
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Add("Vary", "Accept-Encoding")
		if p.Immutable {
			h.Set("Cache-Control", yearLong)
		}
		body, etag := p.Body, `"`+tag+`"`
		if AcceptsGzip(c.Request()) {
			body, etag = compressed(), `"`+tag+`-gzip"`
			h.Set("Content-Encoding", "gzip")
		}
		h.Set("ETag", etag)
		if asked := c.Request().Header.Get("If-None-Match"); NotModified(&asked, etag) {
			h.Del("Content-Encoding")
			return c.NoContent(http.StatusNotModified)
		}
		return c.Blob(http.StatusOK, p.MediaType, body)
	}
}

// AcceptsGzip reports whether the client wants its answer compressed.
func AcceptsGzip(r *http.Request) bool {
	return quality(r.Header.Values("Accept-Encoding"), "gzip") > 0
}

// forBrowsers answers with the page if the Accept header names HTML and does not prefer JSON. Otherwise it answers as
// programs does.
func (p Page) forBrowsers(programs echo.HandlerFunc) echo.HandlerFunc {
	people := p.handler()
	return func(c echo.Context) error {
		c.Response().Header().Add("Vary", "Accept")
		accept := c.Request().Header.Values("Accept")
		if html := quality(accept, "text/html"); html > 0 && html >= quality(accept, echo.MIMEApplicationJSON) {
			return people(c)
		}
		return programs(c)
	}
}

// quality returns the weight that a list such as Accept gives to a name, or 0 if the list does not have the name (RFC 9110,
// section 12.4.2). Wildcards do not count.
func quality(lines []string, name string) float64 {
	for element := range headerfield.List(lines) {
		named, params, err := mime.ParseMediaType(element)
		if err != nil || named != name {
			continue
		}
		q, given := params["q"]
		if !given {
			return 1
		}
		weight, err := strconv.ParseFloat(q, 64)
		if err != nil {
			return 0
		}
		return weight
	}
	return 0
}
