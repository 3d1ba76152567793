package httpserver_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/admission"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// siteHandler returns a server's handler with a site at /admin. The site shows the request, and takes forms only from its
// own pages.
func siteHandler(available error) http.Handler {
	s := httpserver.New(httpserver.Config{Service: "test", Registry: prometheus.NewRegistry()}, slog.New(slog.DiscardHandler))
	s.Handle("/admin", new(http.CrossOriginProtection).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		fmt.Fprintln(w, r.Method, r.URL.Path, r.URL.RawQuery, string(body), err)
	})), func() error { return available }, admission.New(admission.Settings{Lists: 1, Writes: 1}, admission.Entities{}))
	return s.Handler()
}

func TestASiteGetsEverythingBelowItsPath(t *testing.T) {
	t.Parallel()
	handler := siteHandler(nil)
	for _, tt := range []struct{ method, target, body, want string }{
		{"GET", "/admin", "", "GET /admin   <nil>\n"},
		{"GET", "/admin/", "", "GET /admin   <nil>\n"},
		{"GET", "/admin/products/1?page=2", "", "GET /admin/products/1 page=2  <nil>\n"},
		{"HEAD", "/admin/products", "", "GET /admin/products   <nil>\n"},
		{"POST", "/admin/products", "name=Chair", "POST /admin/products  name=Chair <nil>\n"},
		{"GET", "/administrator", "", `"status":404`},
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), tt.method, tt.target, strings.NewReader(tt.body)))
		if !strings.Contains(answer.Body.String(), tt.want) {
			t.Errorf("%s %s gives %d %s", tt.method, tt.target, answer.Code, answer.Body)
		}
	}
}

// A form works in a browser: the policy allows it, and the browser tells the origin. Browsers that send no Sec-Fetch-Site,
// as over plain HTTP, derive the header Origin from the referrer policy. Nothing of a page is stored.
func TestASiteMayHaveForms(t *testing.T) {
	t.Parallel()
	answer := httptest.NewRecorder()
	siteHandler(nil).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/admin", http.NoBody))
	for name, want := range map[string]string{
		"Content-Security-Policy": "form-action 'self'", "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := answer.Header().Get(name); !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for origin, want := range map[string]int{"http://example.com": http.StatusOK, "http://elsewhere.example": http.StatusForbidden} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://example.com/admin", strings.NewReader("a=b"))
		req.Header.Set("Origin", origin)
		answer := httptest.NewRecorder()
		if siteHandler(nil).ServeHTTP(answer, req); answer.Code != want {
			t.Errorf("a form of %s gives %d, want %d", origin, answer.Code, want)
		}
	}
}

func TestASiteThatIsNotAvailable(t *testing.T) {
	t.Parallel()
	for want, unavailable := range map[int]error{503: apperr.New(apperr.Unavailable, "not ready"), 500: errors.New("a fault")} {
		answer := httptest.NewRecorder()
		siteHandler(unavailable).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/admin/products", http.NoBody))
		if answer.Code != want || strings.Contains(answer.Body.String(), "POST /admin") {
			t.Errorf("answered %d %s, want %d", answer.Code, answer.Body, want)
		}
	}
}

// A site finds out itself who sends a request. The log of the request names the caller, also if the handler fails.
func TestTheLogNamesTheCallerOfASite(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := httpserver.New(httpserver.Config{Service: "test", Registry: prometheus.NewRegistry()}, slog.New(slog.NewTextHandler(&log, nil)))
	s.Handle("/admin", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ada := caller.Caller{Kind: caller.KindSession, Name: "ada"}
		if got := caller.From(httpserver.Identified(r.Context(), ada)); got != ada {
			t.Errorf("the context has the caller %v", got)
		}
		if r.URL.Path == "/admin/fails" {
			panic("a fault of the site")
		}
	}), func() error { return nil }, admission.New(admission.Settings{Lists: 1, Writes: 1}, admission.Entities{}))
	for _, path := range []string{"/admin", "/admin/fails"} {
		log.Reset()
		s.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
		if !strings.Contains(log.String(), `msg=request method=GET path=`+path+` `) || !strings.Contains(log.String(), ` caller="session ada" `) {
			t.Errorf("%s is logged as %s", path, log.String())
		}
	}
}

// A site knows the client. Only a trusted proxy can say that the client uses TLS, and which address it has.
func TestASiteKnowsItsClient(t *testing.T) {
	t.Parallel()
	var got httpserver.Client
	s := httpserver.New(httpserver.Config{
		Service: "test", Registry: prometheus.NewRegistry(), TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}, slog.New(slog.DiscardHandler))
	s.Handle("/admin", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = httpserver.ClientOf(r.Context()) }), func() error { return nil },
		admission.New(admission.Settings{Lists: 1, Writes: 1}, admission.Entities{}))
	for name, tt := range map[string]struct {
		peer, proto string
		tls         bool
		want        httpserver.Client
	}{
		"plain":                  {"192.0.2.1:1234", "", false, httpserver.Client{Address: "192.0.2.1"}},
		"direct TLS":             {"192.0.2.1:1234", "", true, httpserver.Client{Address: "192.0.2.1", TLS: true}},
		"a forged header":        {"192.0.2.1:1234", "https", false, httpserver.Client{Address: "192.0.2.1"}},
		"a proxy with TLS":       {"10.1.2.3:1234", "https", false, httpserver.Client{Address: "198.51.100.7", TLS: true}},
		"a proxy with plain":     {"10.1.2.3:1234", "http", false, httpserver.Client{Address: "198.51.100.7"}},
		"a proxy over dual IPv6": {"[::ffff:10.1.2.3]:1234", "https", false, httpserver.Client{Address: "198.51.100.7", TLS: true}},
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/admin", http.NoBody)
		req.RemoteAddr = tt.peer
		req.Header.Set("X-Forwarded-For", "198.51.100.7")
		if tt.proto != "" {
			req.Header.Set("X-Forwarded-Proto", tt.proto)
		}
		if tt.tls {
			req.TLS = &tls.ConnectionState{}
		}
		s.Handler().ServeHTTP(httptest.NewRecorder(), req)
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
}

// The body of a form arrives before the request takes one of the few places: a client that sends it slowly keeps none.
func TestAFormArrivesBeforeItIsAdmitted(t *testing.T) {
	t.Parallel()
	gate := admission.New(admission.Settings{Writes: 1}, admission.Entities{})
	s := httpserver.New(httpserver.Config{Registry: prometheus.NewRegistry()}, slog.New(slog.DiscardHandler))
	s.Handle("/admin", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}), func() error { return nil }, gate)
	reading := readerFunc(func([]byte) (int, error) {
		_, leave, err := gate.Enter(t.Context(), admission.Write, "")
		if err != nil {
			t.Error("a form that is being sent has a place")
			return 0, err
		}
		leave(nil)
		return 0, io.EOF
	})
	for name, tt := range map[string]struct {
		body io.Reader
		want int
	}{
		"form": {strings.NewReader("a=b"), 200}, "while it is sent": {reading, 200}, "too large": {strings.NewReader(strings.Repeat("a", 1<<17)), 413},
		"broken off": {iotest.ErrReader(io.ErrUnexpectedEOF), 400},
	} {
		answer := httptest.NewRecorder()
		s.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/admin", tt.body))
		if answer.Code != tt.want || tt.want == 200 && name == "form" && answer.Body.String() != "a=b" {
			t.Errorf("%s: %d %s", name, answer.Code, answer.Body)
		}
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A page that waits for its client has no place: a client that does not read keeps none.
func TestAPageIsSentWithoutAPlace(t *testing.T) {
	t.Parallel()
	gate := admission.New(admission.Settings{Lists: 1}, admission.Entities{})
	s := httpserver.New(httpserver.Config{Registry: prometheus.NewRegistry()}, slog.New(slog.DiscardHandler))
	s.Handle("/admin", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "page") }), func() error { return nil }, gate)
	writes := 0
	answer := writerFunc{httptest.NewRecorder(), func(p []byte) (int, error) {
		writes++
		_, leave, err := gate.Enter(t.Context(), admission.List, "")
		if err != nil {
			t.Errorf("%q is written with a place", p)
			return 0, err
		}
		leave(nil)
		return len(p), nil
	}}
	s.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/admin", http.NoBody))
	if writes == 0 {
		t.Error("nothing was written")
	}
}
