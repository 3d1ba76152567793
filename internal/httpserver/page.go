package httpserver

import (
	"crypto/sha256"
	"encoding/hex"
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
	// Gzip and Brotli are the same text, compressed. A page without them is compressed when the first client asks for it.
	Gzip, Brotli []byte
	Immutable    bool // the path changes with the body, so that a browser never has to revalidate it
}

// FilePage returns a file that pages use. Its address is below base, and changes with its content.
func FilePage(base string, f webassets.File) Page {
	return Page{Path: base + "/" + f.Name, MediaType: f.MediaType, Body: f.Body, Gzip: f.Gzip, Brotli: f.Brotli, Immutable: true}
}

// pagePolicy allows a page to load files from this server, and forbids inline code and styles. So a text that the browser
// mistakes for markup has no effect.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// yearLong is the longest time that servers commonly tell caches.
const yearLong = "public, max-age=31536000, immutable"

// Handler serves the page, compressed for clients that accept it.
func (p Page) Handler() http.Handler {
	gzip := sync.OnceValue(func() []byte {
		if p.Gzip != nil {
			return p.Gzip
		}
		return webassets.Gzip(p.Body)
	})
	sum := sha256.Sum256(p.Body)
	tag := hex.EncodeToString(sum[:8])
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Add("Vary", "Accept-Encoding")
		if p.Immutable {
			h.Set("Cache-Control", yearLong)
		}
		encoding, body, etag := p.encoding(r.Header.Values("Accept-Encoding")), p.Body, `"`+tag+`"`
		switch encoding {
		case "br":
			body = p.Brotli
		case "gzip":
			body = gzip()
		}
		if encoding != "" {
			etag = `"` + tag + "-" + encoding + `"`
		}
		h.Set("ETag", etag)
		if asked := r.Header.Get("If-None-Match"); NotModified(&asked, etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if encoding != "" {
			h.Set("Content-Encoding", encoding)
		}
		h.Set("Content-Type", p.MediaType)
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the client may be gone
	})
}

// encoding returns the encoding that the client likes best, or "" for none.
func (p Page) encoding(accept []string) string {
	gzip, brotli := headerfield.Quality(accept, "gzip"), headerfield.Quality(accept, "br")
	switch {
	case p.Brotli != nil && brotli > 0 && brotli >= gzip:
		return "br"
	case gzip > 0:
		return "gzip"
	default:
		return ""
	}
}

// forBrowsers answers with the page if the Accept header names HTML and does not prefer JSON. Otherwise it answers as
// programs does.
func (p Page) forBrowsers(programs echo.HandlerFunc) echo.HandlerFunc {
	people := echo.WrapHandler(p.Handler())
	return func(c echo.Context) error {
		c.Response().Header().Add("Vary", "Accept")
		accept := c.Request().Header.Values("Accept")
		if html := headerfield.Quality(accept, "text/html"); html > 0 && html >= headerfield.Quality(accept, echo.MIMEApplicationJSON) {
			return people(c)
		}
		return programs(c)
	}
}
