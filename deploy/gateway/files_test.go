//go:build gateway

package gateway_test

import (
	"net/http"
	"strings"
	"testing"
)

const (
	fileName  = "/admin/assets/admin.0123456789ab.css"
	immutable = "public, max-age=31536000, immutable"
)

// serveFiles answers with headers that the path names, as a service answers with a file of its pages.
func serveFiles(w http.ResponseWriter, r *http.Request) {
	h, status := w.Header(), http.StatusOK
	h.Set("Content-Type", "text/css")
	h.Set("Cache-Control", immutable)
	h.Set("Vary", "Accept-Encoding")
	h.Set("X-Request-Id", r.Header.Get("X-Request-Id"))
	switch strings.Split(r.URL.Path, "/")[2] {
	case "mutable":
		h.Set("Cache-Control", "public, max-age=31536000")
	case "private":
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
	case "never-immutable":
		h.Set("Cache-Control", "public, max-age=31536000, not-immutable")
	case "cookie":
		h.Set("Set-Cookie", "monolith_session=secret")
	case "missing":
		status = http.StatusNotFound
	case "accept":
		h.Set("Vary", "Accept")
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte("p{} /* " + r.Header.Get("Accept-Encoding") + " */")) // the test sees it
}

// A file of a page is sent while its service is away. The answer was made for another client, and has nothing of it.
func TestGatewayKeepsFiles(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, serveFiles)
	for _, accept := range []string{"gzip, deflate, br, zstd", "gzip", ""} {
		first := n.get(8080, fileName, "Accept-Encoding", accept, "Cookie", "monolith_session=secret", "X-Request-Id", "first")
		if first.status != 200 || first.header.Get("X-Request-Id") != "first" {
			t.Fatalf("%d %v", first.status, first.header)
		}
	}
	for _, got := range services["monolith"].received() {
		if got.header.Get("Cookie") != "" || got.header.Get("X-Forwarded-For") != "127.0.0.1" || got.header.Get("X-Request-Id") != "first" {
			t.Errorf("the service got %v", got.header)
		}
	}
	services["monolith"][0].kill()
	for accept, want := range map[string]string{"br": "br, gzip", "gzip, br": "br, gzip", "deflate, gzip": "gzip", "": ""} {
		again := n.get(8080, fileName, "Accept-Encoding", accept, "X-Request-Id", "again")
		if again.status != 200 || again.body != "p{} /* "+want+" */" || again.header.Get("Cache-Control") != immutable ||
			again.header.Get("Vary") != "Accept-Encoding" || strings.Join(again.header.Values("X-Request-Id"), ",") != "again" {
			t.Errorf("%q: %d %s %v", accept, again.status, again.body, again.header)
		}
	}
	if head := n.do(http.MethodHead, 8000, fileName, "", "Accept-Encoding", "gzip"); head.status != 200 || head.body != "" {
		t.Errorf("HEAD: %d", head.status)
	}
	isProblem(t, n.get(8080, "/admin/assets/admin.ba9876543210.css"), 502, "bad-gateway")
}

// Nothing else is kept: neither other paths and methods, nor answers that are not for everybody and for ever.
func TestGatewayKeepsNothingElse(t *testing.T) {
	t.Parallel()
	n, services := everyService(t, serveFiles)
	tests := map[string]struct {
		method, path string
		headers      []string
	}{
		"without immutable":       {"GET", "/admin/mutable/assets/a.0123456789ab.css", nil},
		"immutable in a word":     {"GET", "/admin/never-immutable/assets/a.0123456789ab.css", nil},
		"private":                 {"GET", "/admin/private/assets/a.0123456789ab.css", nil},
		"sets a cookie":           {"GET", "/admin/cookie/assets/a.0123456789ab.css", nil},
		"missing":                 {"GET", "/admin/missing/assets/a.0123456789ab.css", nil},
		"depends on Accept":       {"GET", "/admin/accept/assets/a.0123456789ab.css", nil},
		"with a token":            {"GET", "/admin/assets/token.0123456789ab.css", []string{"Authorization", "Bearer x"}},
		"with weights":            {"GET", "/admin/assets/weights.0123456789ab.css", []string{"Accept-Encoding", "br;q=0, gzip"}},
		"with a query":            {"GET", "/admin/assets/query.0123456789ab.css?x", nil},
		"without a hash":          {"GET", "/admin/assets/plain.css", nil},
		"with a short hash":       {"GET", "/admin/assets/short.0123456789a.css", nil},
		"in another folder":       {"GET", "/admin/things/a.0123456789ab.css", nil},
		"below a file":            {"GET", "/admin/assets/a.0123456789ab.css/x", nil},
		"encoded":                 {"GET", "/admin/asset%73/a.0123456789ab.css", nil},
		"another method":          {"POST", "/admin/assets/post.0123456789ab.css", nil},
		"the session of the page": {"GET", "/admin/products", []string{"Cookie", "monolith_session=secret"}},
	}
	for name, tt := range tests {
		for range 2 {
			n.do(tt.method, 8080, tt.path, "", tt.headers...)
		}
		got := 0
		for _, r := range services["monolith"].received() {
			if r.uri == tt.path && r.method == tt.method {
				got++
			}
		}
		if got != 2 {
			t.Errorf("%s: the service got %d of 2 requests", name, got)
		}
	}
	services["monolith"][0].kill()
	for name, tt := range tests {
		if a := n.do(tt.method, 8080, tt.path, "", tt.headers...); a.status != 502 {
			t.Errorf("%s: %d while the service is away", name, a.status)
		}
	}
}
