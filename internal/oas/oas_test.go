package oas_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/oas"
)

type bundle struct {
	*testing.T
	handler http.Handler
	wrong   []string // the differences between answers and the document
	answer  func(c echo.Context) error
}

func document(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/things.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func setup(t *testing.T) *bundle {
	t.Helper()
	return setupWith(t, document(t), oas.Config{MaxBody: 1000})
}

// setupWith serves a document with the operations of things.yaml.
func setupWith(t *testing.T, text []byte, cfg oas.Config) *bundle {
	t.Helper()
	b := &bundle{T: t, answer: func(c echo.Context) error { return c.JSON(http.StatusOK, []any{}) }}
	cfg.OnResponse = func(_ context.Context, err error) { b.wrong = append(b.wrong, err.Error()) }
	v, err := oas.New(text, cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httpserver.New(httpserver.Config{Registry: prometheus.NewRegistry(), WriteTimeout: time.Second}, slog.New(slog.DiscardHandler))
	mount(server.Echo, v.Middlewares(), func(c echo.Context) error { return b.answer(c) })
	if err := v.Verify(server.Echo, "/things"); err != nil {
		t.Fatal(err)
	}
	b.handler = server.Echo
	return b
}

// mount registers handlers in the same way as generated code.
func mount(e *echo.Echo, middlewares map[string][]echo.MiddlewareFunc, h echo.HandlerFunc) {
	e.GET("/things", h, middlewares["listThings"]...)
	e.POST("/things", h, middlewares["createThing"]...)
	e.PATCH("/things/:id", h, middlewares["patchThing"]...)
}

func (b *bundle) do(method, target, body string, header ...string) (*httptest.ResponseRecorder, []string) {
	b.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req := httptest.NewRequestWithContext(b.Context(), method, target, in)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, req)
	var problem httpserver.Problem
	if w.Code >= 400 {
		if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || w.Header().Get("Content-Type") != "application/problem+json" {
			b.Fatalf("%s %s: no problem: %s", method, target, w.Body)
		}
	}
	var pointers []string
	for _, e := range problem.Errors {
		pointers = append(pointers, e.Pointer)
	}
	return w, pointers
}

func TestRequests(t *testing.T) {
	t.Parallel()
	const jsonType, patchType = "application/json", "application/merge-patch+json"
	tests := map[string]struct {
		method, target, body string
		header               []string
		status               int
		pointers             string
	}{
		"List":               {"GET", "/things?limit=5&on=2026-02-28&search=", "", nil, 200, ""},
		"AllQueryFaults":     {"GET", "/things?limit=0&on=2026-02-31&lmit=1", "", nil, 422, "/query/limit /query/lmit /query/on"},
		"QueryTwice":         {"GET", "/things?limit=1&limit=2", "", nil, 422, "/query/limit"},
		"QueryNUL":           {"GET", "/things?search=%00", "", nil, 422, "/query/search"},
		"QueryNotUTF8":       {"GET", "/things?search=%ff", "", nil, 422, "/query/search"},
		"QueryNotANumber":    {"GET", "/things?limit=many", "", nil, 422, "/query/limit"},
		"QueryUnreadable":    {"GET", "/things?limit=%zz", "", nil, 400, "/query/limit"},
		"QuerySemicolon":     {"GET", "/things?search=a;b&limit=1", "", nil, 200, ""},
		"UnknownUnreadable":  {"GET", "/things?limit=1&utm=100%&%zz=1", "", nil, 422, "/query/%zz /query/utm"},
		"NotAcceptable":      {"GET", "/things", "", []string{"Accept", "text/html"}, 406, ""},
		"RefusedByQuality":   {"GET", "/things", "", []string{"Accept", "application/json;q=0, application/problem+json;q=0"}, 406, ""},
		"AcceptsAnything":    {"GET", "/things", "", []string{"Accept", "text/html, */*;q=0.1"}, 200, ""},
		"Create":             {"POST", "/things", `{"name":"a","since":null}`, []string{"Content-Type", "application/json; charset=utf-8"}, 200, ""},
		"AllBodyFaults":      {"POST", "/things", `{"kind":"c","owner":"x","since":"2026-02-31","more":1}`, []string{"Content-Type", jsonType}, 422, "/kind /more /name /owner /since"},
		"TooLong":            {"POST", "/things", `{"name":"äöüäöü"}`, []string{"Content-Type", jsonType}, 422, "/name"},
		"LongEnoughInBytes":  {"POST", "/things", `{"name":"äöüäö"}`, []string{"Content-Type", jsonType}, 200, ""},
		"WrongType":          {"POST", "/things", `[]`, []string{"Content-Type", jsonType}, 422, ""},
		"NameInAnotherCase":  {"POST", "/things", `{"name":"a","NAME":"b"}`, []string{"Content-Type", jsonType}, 422, "/NAME"},
		"NUL":                {"POST", "/things", `{"name":"\u0000"}`, []string{"Content-Type", jsonType}, 422, "/name"},
		"Empty":              {"POST", "/things", ``, []string{"Content-Type", jsonType}, 400, ""},
		"Unreadable":         {"POST", "/things", `{`, []string{"Content-Type", jsonType}, 400, ""},
		"Trailing":           {"POST", "/things", `{"name":"a"}x`, []string{"Content-Type", jsonType}, 400, ""},
		"Repeated":           {"POST", "/things", `{"name":"a","name":"b"}`, []string{"Content-Type", jsonType}, 400, ""},
		"TooDeep":            {"POST", "/things", `{"name":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, []string{"Content-Type", jsonType}, 400, ""},
		"Surrogate":          {"POST", "/things", `{"name":"\ud800"}`, []string{"Content-Type", jsonType}, 400, ""},
		"TooLarge":           {"POST", "/things", `{"name":"` + strings.Repeat("a", 1000) + `"}`, []string{"Content-Type", jsonType}, 413, ""},
		"NoMediaType":        {"POST", "/things", `{"name":"a"}`, nil, 415, ""},
		"OtherMediaType":     {"POST", "/things", `name=a`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, ""},
		"Patch":              {"PATCH", "/things/7/", `{"name":"a"}`, []string{"Content-Type", patchType, "If-Match", `"1"`}, 200, ""},
		"PatchAsJSON":        {"PATCH", "/things/7", `{"name":"a"}`, []string{"Content-Type", jsonType}, 415, ""},
		"Compressed":         {"POST", "/things", `{"name":"a"}`, []string{"Content-Type", jsonType, "Content-Encoding", "gzip"}, 415, ""},
		"Identity":           {"POST", "/things", `{"name":"a"}`, []string{"Content-Type", jsonType, "Content-Encoding", "identity"}, 200, ""},
		"MalformedID":        {"PATCH", "/things/x", `{"name":"a"}`, []string{"Content-Type", patchType}, 404, ""},
		"MalformedIDDecides": {"PATCH", "/things/0", `{"name":1}`, []string{"Content-Type", patchType}, 404, ""},
		"IDWithNUL":          {"PATCH", "/things/%00", `{"name":"a"}`, []string{"Content-Type", patchType}, 404, ""},
		"HeaderFault":        {"PATCH", "/things/7", `{"name":"a"}`, []string{"Content-Type", patchType, "If-Match", "1"}, 422, "/header/If-Match"},
		"NoSuchPath":         {"GET", "/nothing", "", nil, 404, ""},
		"NoSuchMethod":       {"DELETE", "/things", "", nil, 405, ""},
		"UnknownMethod":      {"BREW", "/things", "", nil, 405, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, pointers := setup(t).do(tt.method, tt.target, tt.body, tt.header...)
			if w.Code != tt.status || strings.Join(pointers, " ") != tt.pointers {
				t.Errorf("status %d, pointers %v; want %d, %s\n%s", w.Code, pointers, tt.status, tt.pointers, w.Body)
			}
			if tt.status == 405 && w.Header().Get("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

func TestAPatternHasItsOwnFaultMessage(t *testing.T) {
	t.Parallel()
	w, pointers := setup(t).do("POST", "/things", `{"name":"a","code":"b"}`, "Content-Type", "application/json")
	if len(pointers) != 1 || pointers[0] != "/code" || !strings.Contains(w.Body.String(), "must be a capital letter") {
		t.Errorf("answered %s", w.Body)
	}
}

func TestAnswersAreComparedWithTheDocument(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer func(c echo.Context) error
		wrong  string
	}{
		"Right": {func(c echo.Context) error {
			c.Response().Header().Set("ETag", `"1"`)
			return c.JSON(http.StatusCreated, map[string]string{"name": "a"})
		}, ""},
		"Problem":       {func(echo.Context) error { return echo.NewHTTPError(http.StatusConflict) }, ""},
		"MissingHeader": {func(c echo.Context) error { return c.JSON(http.StatusCreated, map[string]string{"name": "a"}) }, "ETag"},
		"MissingMember": {func(c echo.Context) error {
			c.Response().Header().Set("ETag", `"1"`)
			return c.JSON(http.StatusCreated, map[string]string{})
		}, "name"},
		"MoreMembers": {func(c echo.Context) error {
			c.Response().Header().Set("ETag", `"1"`)
			return c.JSON(http.StatusCreated, map[string]string{"name": "a", "price": "3"})
		}, "price"},
		"MoreMembersFurtherIn": {func(c echo.Context) error {
			c.Response().Header().Set("ETag", `"1"`)
			return c.JSON(http.StatusCreated, map[string]any{"name": "a", "parts": []any{map[string]any{"size": 1, "cost": 2}}})
		}, "cost"},
		"UndocumentedBody": {func(c echo.Context) error { return c.JSON(http.StatusAccepted, map[string]string{"name": "a"}) }, "a body"},
		"NoBody":           {func(c echo.Context) error { return c.NoContent(http.StatusAccepted) }, ""},
		"NotModified":      {func(c echo.Context) error { return c.NoContent(http.StatusNotModified) }, "status is not supported"},
		"OtherSuccess":     {func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, "status is not supported"},
		"OtherType": {func(c echo.Context) error {
			c.Response().Header().Set("ETag", `"1"`)
			return c.HTML(http.StatusCreated, "<p>")
		}, "Content-Type"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.answer = tt.answer
			w, _ := b.do("POST", "/things", `{"name":"a"}`, "Content-Type", "application/json")
			if (len(b.wrong) > 0) != (tt.wrong != "") || len(b.wrong) > 0 && !strings.Contains(b.wrong[0], tt.wrong) {
				t.Errorf("found %q, want %q; sent %d %s", b.wrong, tt.wrong, w.Code, w.Body)
			}
		})
	}
}

func TestVerifyFindsUnvalidatedRoutes(t *testing.T) {
	t.Parallel()
	v, err := oas.New(document(t), oas.Config{MaxBody: 1000})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }
	tests := map[string]struct {
		change func(e *echo.Echo, m map[string][]echo.MiddlewareFunc)
		want   string
	}{
		"RenamedMiddleware": {func(_ *echo.Echo, m map[string][]echo.MiddlewareFunc) { delete(m, "createThing") }, "createThing"},
		"UndocumentedRoute": {func(e *echo.Echo, _ map[string][]echo.MiddlewareFunc) { e.GET("/things/extra", answer) }, "/things/extra"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, m := echo.New(), v.Middlewares()
			tt.change(e, m)
			mount(e, m, answer)
			if err := v.Verify(e, "/things"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if err := v.Verify(echo.New(), "/things"); err == nil {
		t.Error("operations without a route pass")
	}
}

// BenchmarkValidation compares a POST with the middleware to a POST without it, without the network.
func BenchmarkValidation(b *testing.B) {
	v, err := oas.New(document(b), oas.Config{MaxBody: 1 << 16})
	if err != nil {
		b.Fatal(err)
	}
	for name, middlewares := range map[string]map[string][]echo.MiddlewareFunc{"with": v.Middlewares(), "without": {}} {
		e := echo.New()
		mount(e, middlewares, func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/things",
					strings.NewReader(`{"name":"a","kind":"b","owner":"7f1f1a52-3b3c-4f0e-9d9b-0d0f7a3f9b11","since":"2026-01-01"}`))
				req.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				if e.ServeHTTP(w, req); w.Code != http.StatusNoContent {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
