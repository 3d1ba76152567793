package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

const (
	markets     = "/catalog/api/v1/markets"
	netherlands = `{"iso_code":"NL","name":"Netherlands"}`
)

func TestMarketLives(t *testing.T) {
	t.Parallel()
	s := setup(t)
	created := s.Post(markets, ` {"iso_code":"NL","name":" Netherlands ","version":77,"created_at":null} `).Must(http.StatusCreated)
	if created.Header("ETag") != `"1"` || created.Header("Location") != markets+"/NL" {
		t.Errorf("headers %v", created.Headers)
	}
	m := created.Object()
	if m["iso_code"] != "NL" || m["name"] != "Netherlands" || m["version"] != 1.0 || m["created_at"] != m["updated_at"] ||
		!strings.HasSuffix(m["created_at"].(string), "Z") {
		t.Errorf("created %v", m)
	}
	read := s.Get(created.Header("Location")).Must(http.StatusOK)
	if read.Text != created.Text || read.Header("ETag") != `"1"` {
		t.Errorf("read %s, created %s", read.Text, created.Text)
	}
	s.Get(markets+"/NL", "If-None-Match", `W/"1", "7"`).Must(http.StatusNotModified)
	s.Get(markets+"/NL", "If-None-Match", `"2"`).Must(http.StatusOK)

	patched := s.Patch(markets+"/NL", `{"name":"Holland"}`, "If-Match", `"1"`).Must(http.StatusOK)
	if m := patched.Object(); m["name"] != "Holland" || patched.Header("ETag") != `"2"` {
		t.Errorf("patched %v", m)
	}
	same := s.Put(markets+"/NL", `{"iso_code":"NL","name":"Holland "}`).Must(http.StatusOK)
	if same.Text != patched.Text || same.Header("ETag") != `"2"` {
		t.Errorf("a change of nothing: %s", same.Text)
	}
	s.Put(markets+"/NL", netherlands, "If-Match", `"1"`).Problem(http.StatusPreconditionFailed, "stale")
	if m := s.Put(markets+"/NL", `{"name":"Netherlands"}`, "If-Match", `"1", "2"`).Must(http.StatusOK).Object(); m["version"] != 3.0 {
		t.Errorf("replaced %v", m)
	}
	s.Delete(markets+"/NL", "If-Match", `"1"`).Problem(http.StatusPreconditionFailed, "stale")
	if gone := s.Delete(markets+"/NL", "If-Match", "*").Must(http.StatusNoContent); gone.Text != "" {
		t.Errorf("deleted with a body %s", gone.Text)
	}
	s.Delete(markets+"/NL").Problem(http.StatusNotFound, "not-found")
	s.Get(markets+"/NL").Problem(http.StatusNotFound, "not-found")
	s.Put(markets+"/NL", netherlands).Problem(http.StatusNotFound, "not-found")
	s.Patch(markets+"/NL", `{}`).Problem(http.StatusNotFound, "not-found")
	if back := s.Post(markets, netherlands).Must(http.StatusCreated); back.Header("ETag") != `"5"` {
		t.Errorf("came back as %s", back.Text) // H7 reused identity
	}
}

func TestMarketRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.Post(markets, netherlands).Must(http.StatusCreated)
	s.Post(markets, `{"iso_code":"BE","name":"Belgium"}`).Must(http.StatusCreated)
	s.createEntry(s.product("Chair"), "BE")
	long := strings.Repeat("x", 81)
	tests := map[string]refusal{
		"NotJSON":        {method: "POST", body: `{"name":`, status: 400, name: "malformed"},
		"Trailing":       {method: "POST", body: netherlands + `x`, status: 400, name: "malformed"},
		"Repeated":       {method: "POST", body: `{"name":"a","name":"b","iso_code":"FR"}`, status: 400, name: "malformed"},
		"Deep":           {method: "POST", body: strings.Repeat("[", 10_000), status: 400, name: "malformed"},
		"Empty":          {method: "POST", status: 400, name: "malformed"},
		"NotAnObject":    {method: "POST", body: `[]`, status: 422, name: "invalid"},
		"AllFaults":      {method: "POST", body: `{"name":"` + long + `","iso_code":"nl"}`, status: 422, name: "invalid", pointers: "/iso_code /name"},
		"Missing":        {method: "POST", body: `{}`, status: 422, name: "invalid", pointers: "/iso_code /name"},
		"Blank":          {method: "POST", body: `{"name":" \t","iso_code":"FR"}`, status: 422, name: "invalid", pointers: "/name"},
		"Unknown":        {method: "POST", body: `{"name":"a","iso_code":"FR","shade":"c"}`, status: 422, name: "invalid", pointers: "/shade"},
		"OtherCase":      {method: "POST", body: `{"Name":"a","name":"a","iso_code":"FR"}`, status: 422, name: "invalid", pointers: "/Name"},
		"WrongType":      {method: "POST", body: `{"name":5,"iso_code":true}`, status: 422, name: "invalid", pointers: "/iso_code /name"},
		"NUL":            {method: "POST", body: `{"name":"a\u0000","iso_code":"FR"}`, status: 422, name: "invalid", pointers: "/name"},
		"Taken":          {method: "POST", body: netherlands, status: 409, name: "market-exists"},
		"InUse":          {method: "DELETE", path: "/BE", status: 409, name: "market-in-use"},
		"OtherCode":      {method: "PUT", path: "/NL", body: `{"iso_code":"FR","name":"N"}`, status: 422, name: "invalid", pointers: "/iso_code"},
		"PatchOtherCode": {method: "PATCH", path: "/NL", body: `{"iso_code":"FR"}`, status: 422, name: "invalid", pointers: "/iso_code"},
		"Null":           {method: "PATCH", path: "/NL", body: `{"name":null}`, status: 422, name: "invalid", pointers: "/name"},
		"PatchBlank":     {method: "PATCH", path: "/NL", body: `{"name":" "}`, status: 422, name: "invalid", pointers: "/name"},
		"NoSuch":         {method: "GET", path: "/FR", status: 404, name: "not-found"},
		"CodeIsInvalid":  {method: "GET", path: "/nl", status: 404, name: "not-found"},
		"CodeIsLong":     {method: "DELETE", path: "/NLD", status: 404, name: "not-found"},
		"BadQuery":       {method: "GET", path: "?limit=201&sort=shade", status: 422, name: "invalid", pointers: "/query/limit /query/sort"},
		"SearchNUL":      {method: "GET", path: "?search=a%00", status: 422, name: "invalid", pointers: "/query/search"},
		"BadCursor":      {method: "GET", path: "?cursor=nonsense", status: 400, name: "malformed"},
		"Method":         {method: "PATCH", body: netherlands, status: 405, name: "method-not-allowed"},
		"Accept":         {method: "GET", headers: []string{"Accept", "text/html"}, status: 406, name: "not-acceptable"},
		"MediaType":      {method: "POST", body: netherlands, headers: []string{"Content-Type", "text/plain"}, status: 415, name: "unsupported-media-type"},
		"PatchMediaType": {method: "PATCH", path: "/NL", body: `{}`, headers: []string{"Content-Type", "application/json"}, status: 415, name: "unsupported-media-type"},
		"TooLarge":       {method: "POST", body: `{"name":"` + strings.Repeat("x", 2<<20) + `"}`, status: 413, name: "too-large"},
		"NothingMatches": {method: "DELETE", path: "/NL", headers: []string{"If-Match", `W/"1"`}, status: 412, name: "stale"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.check(s.in(t), markets)
		})
	}
}

// An answer without a body is not refused because of the Accept header.
func TestAcceptWhereThereIsNoBody(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.createMarket("NL", "Netherlands")
	path := s.createEntry(s.product("Chair"), "NL")
	s.Delete(path, "Accept", "application/json").Must(http.StatusNoContent)
	s.Delete(markets+"/NL", "Accept", "application/json").Must(http.StatusNoContent)
}

// TestNamesMayHaveAnySpaceAround: the document and the code trim the same characters.
func TestNamesMayHaveAnySpaceAround(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const around = `\u0085\u00a0\u2003\u3000\u000b `
	name := strings.Repeat("é", 80)
	body := func(code, name string) string {
		return `{"iso_code":"` + code + `","name":"` + around + name + around + `"}`
	}
	if m := s.Post(markets, body("NL", name)).Must(http.StatusCreated).Object(); m["name"] != name {
		t.Errorf("created %v", m)
	}
	s.Put(markets+"/NL", body("NL", "a")).Must(http.StatusOK)
	s.Patch(markets+"/NL", body("NL", "b")).Must(http.StatusOK)
	for _, bad := range []string{"", name + "x"} {
		if r := s.Post(markets, body("nl", bad)); r.Status != 422 || r.Pointers() != "/iso_code /name" {
			t.Errorf("%q: %d %s", bad, r.Status, r.Text)
		}
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.createMarket("NL", "Netherlands")
	head, get := s.Do(http.MethodHead, markets+"/NL", "").Must(http.StatusOK), s.Get(markets+"/NL")
	if head.Text != "" || head.Header("ETag") != get.Header("ETag") || head.Header("Content-Length") != get.Header("Content-Length") {
		t.Errorf("HEAD %v %q, GET %v", head.Headers, head.Text, get.Headers)
	}
	s.Do(http.MethodHead, entries, "").Must(http.StatusOK)
}

// refusal is a request and the problem that answers it.
type refusal struct {
	method, path, body string
	headers            []string
	status             int
	name               string
	pointers           string // of the faults, sorted
}

func (r refusal) check(s *server, base string) {
	s.T.Helper()
	answer := s.Do(r.method, base+r.path, r.body, r.headers...)
	answer.Problem(r.status, r.name)
	if got := answer.Pointers(); r.pointers != "" && got != r.pointers {
		s.T.Errorf("pointers %s, want %s\n%s", got, r.pointers, answer.Text)
	}
	if r.status == http.StatusMethodNotAllowed && answer.Header("Allow") == "" {
		s.T.Error("405 without Allow")
	}
}
