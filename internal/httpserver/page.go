package httpserver

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

// Page is a fixed text for people and their browsers: a page itself, or what it is made with.
type Page struct {
	Path      string // where it is served. At "/" or at the server's prefix it is the index that browsers get.
	MediaType string
	Body      []byte
	Immutable bool // its path changes with its body, so that it never has to be asked about again
}

// pagePolicy lets a page of ours have what comes from here, and nothing that stands in the page itself: a text that
// was mistaken for markup would have no effect.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// yearLong is the longest time that caches are commonly told.
const yearLong = "public, max-age=31536000, immutable"

// handler serves the page, compressed for those who take that.
func (p Page) handler() echo.HandlerFunc {
	compressed := sync.OnceValue(func() []byte { return compress(p.Body) })
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
		if quality(c.Request().Header.Values("Accept-Encoding"), "gzip") > 0 {
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

func compress(text []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = w.Write(text) // a buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}

// forBrowsers answers with the page where HTML is asked for by name and liked no less than JSON, and else as for
// programs.
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

// quality is the weight that a list such as Accept gives to a name in it, 0 where it is not named (RFC 9110, section
// 12.4.2). Wildcards name nothing.
func quality(lines []string, name string) float64 {
	for element := range strings.SplitSeq(strings.Join(lines, ","), ",") {
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
