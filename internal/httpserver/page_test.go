package httpserver_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/httpserver"
)

func withPages(t *testing.T) *bundle {
	t.Helper()
	return setup(t, nil, func(c *httpserver.Config) {
		c.Pages = []httpserver.Page{
			{Path: "/", MediaType: "text/html; charset=utf-8", Body: []byte("<p>index")},
			{Path: "/below", MediaType: "text/html; charset=utf-8", Body: []byte("<p>index below")},
			{Path: "/below/docs", MediaType: "text/html; charset=utf-8", Body: []byte("<p>docs")},
			{Path: "/docs/assets/a.123.css", MediaType: "text/css", Body: []byte("p{}"), Immutable: true},
			{Path: "/docs/assets/b.456.css", MediaType: "text/css", Body: []byte("q{}"), Gzip: []byte("a gzip"), Brotli: []byte("a brotli"), Immutable: true},
		}
	})
}

func TestPages(t *testing.T) {
	t.Parallel()
	b := withPages(t)
	resp, text := b.get("/below/docs/", "Accept-Encoding", "identity")
	if resp.StatusCode != http.StatusOK || text != "<p>docs" || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %s %q", resp.StatusCode, resp.Header.Get("Content-Type"), text)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache", "Vary": "Accept-Encoding", "Content-Encoding": "",
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if resp, text := b.do(http.MethodHead, "/below/docs"); resp.StatusCode != http.StatusOK || text != "" || resp.ContentLength <= 0 {
		t.Errorf("HEAD gives %d, %d bytes, %q", resp.StatusCode, resp.ContentLength, text)
	}
	if resp, _ := b.do(http.MethodPost, "/below/docs"); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST gives %d", resp.StatusCode)
	}
	if resp, _ := b.get("/docs/assets/b.css"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a missing file gives %d", resp.StatusCode)
	}
	if resp, _ := b.get("/docs/assets/a.123.css"); resp.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("Cache-Control of a file that never changes is %q", resp.Header.Get("Cache-Control"))
	}
}

// The two encodings are two representations. A cache must not mix them up.
func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	b := withPages(t)
	plain, _ := b.get("/below/docs", "Accept-Encoding", "gzip;q=0, br")
	packed, text := b.get("/below/docs", "Accept-Encoding", "br, gzip")
	if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" || plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Errorf("encoded as %q and %q, tags %s and %s", plain.Header.Get("Content-Encoding"), packed.Header.Get("Content-Encoding"), plain.Header.Get("ETag"), packed.Header.Get("ETag"))
	}
	reader, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, err := io.ReadAll(reader); err != nil || string(unpacked) != "<p>docs" {
		t.Errorf("unpacked %q, %v", unpacked, err)
	}
	for encoding, resp := range map[string]*http.Response{"identity": plain, "gzip": packed} {
		again, text := b.get("/below/docs", "Accept-Encoding", encoding, "If-None-Match", resp.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || text != "" || again.Header.Get("ETag") != resp.Header.Get("ETag") || again.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s gives %d %q to a client that has it", encoding, again.StatusCode, text)
		}
	}
}

// A client gets the form that it likes best, of those that a file has.
func TestFormsOfFiles(t *testing.T) {
	t.Parallel()
	b := withPages(t)
	for accept, want := range map[string][2]string{
		"gzip, deflate, br, zstd": {"br", "a brotli"}, "br;q=0.5, gzip;q=0.6": {"gzip", "a gzip"}, "br;q=0, gzip": {"gzip", "a gzip"},
		"gzip": {"gzip", "a gzip"}, "br": {"br", "a brotli"}, "identity": {"", "q{}"}, "zstd": {"", "q{}"}, "br;q=0, gzip;q=0": {"", "q{}"},
	} {
		resp, text := b.get("/docs/assets/b.456.css", "Accept-Encoding", accept)
		if got := resp.Header.Get("Content-Encoding"); resp.StatusCode != http.StatusOK || got != want[0] || text != want[1] || resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %d, %s %q, want %s", accept, resp.StatusCode, got, text, want)
		}
		again, _ := b.get("/docs/assets/b.456.css", "Accept-Encoding", accept, "If-None-Match", resp.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || again.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d to a client that has it", accept, again.StatusCode)
		}
	}
}

// Programs get the same JSON index as before. Browsers get a page.
func TestIndexForPeopleAndPrograms(t *testing.T) {
	t.Parallel()
	b := withPages(t)
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
	tests := map[string]struct{ path, accept, want string }{
		"Browser":        {"/", browser, "<p>index"},
		"BrowserBelow":   {"/below/", browser, "<p>index below"},
		"AsMuch":         {"/", "application/json, text/html", "<p>index"},
		"Nothing":        {"/", "", `"openapi":"/openapi.yaml"`},
		"Anything":       {"/", "*/*", `"openapi":"/openapi.yaml"`},
		"JSON":           {"/", "application/json", `"openapi":"/openapi.yaml"`},
		"PrefersJSON":    {"/", "text/html;q=0.5, application/json", `"openapi":"/openapi.yaml"`},
		"NoHTML":         {"/", "text/html;q=0, */*", `"openapi":"/openapi.yaml"`},
		"UnknownQuality": {"/", "text/html;q=much", `"openapi":"/openapi.yaml"`},
		"QuotedComma":    {"/", `text/plain;title="a, text/html", application/json`, `"openapi":"/openapi.yaml"`},
		"JSONBelow":      {"/below", "application/json", `"openapi":"/below/openapi.yaml"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, text := b.get(tt.path, "Accept", tt.accept, "Accept-Encoding", "identity")
			if resp.StatusCode != http.StatusOK || !strings.Contains(text, tt.want) || !strings.Contains(strings.Join(resp.Header.Values("Vary"), ","), "Accept") {
				t.Errorf("answered %d %s, Vary %q", resp.StatusCode, text, resp.Header.Values("Vary"))
			}
		})
	}
}
