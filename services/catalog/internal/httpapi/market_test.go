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
	created := s.post(markets, ` {"iso_code":"NL","name":" Netherlands ","version":77,"created_at":null} `).must(http.StatusCreated)
	if created.header("ETag") != `"1"` || created.header("Location") != markets+"/NL" {
		t.Errorf("headers %v", created.headers)
	}
	m := created.object()
	if m["iso_code"] != "NL" || m["name"] != "Netherlands" || m["version"] != 1.0 || m["created_at"] != m["updated_at"] ||
		!strings.HasSuffix(m["created_at"].(string), "Z") {
		t.Errorf("created %v", m)
	}
	read := s.get(created.header("Location")).must(http.StatusOK)
	if read.text != created.text || read.header("ETag") != `"1"` {
		t.Errorf("read %s, created %s", read.text, created.text)
	}
	s.get(markets+"/NL", "If-None-Match", `W/"1", "7"`).must(http.StatusNotModified)
	s.get(markets+"/NL", "If-None-Match", `"2"`).must(http.StatusOK)

	patched := s.patch(markets+"/NL", `{"name":"Holland"}`, "If-Match", `"1"`).must(http.StatusOK)
	if m := patched.object(); m["name"] != "Holland" || patched.header("ETag") != `"2"` {
		t.Errorf("patched %v", m)
	}
	same := s.put(markets+"/NL", `{"iso_code":"NL","name":"Holland "}`).must(http.StatusOK)
	if same.text != patched.text || same.header("ETag") != `"2"` {
		t.Errorf("a change of nothing: %s", same.text)
	}
	s.put(markets+"/NL", netherlands, "If-Match", `"1"`).problem(http.StatusPreconditionFailed, "stale")
	if m := s.put(markets+"/NL", `{"name":"Netherlands"}`, "If-Match", `"1", "2"`).must(http.StatusOK).object(); m["version"] != 3.0 {
		t.Errorf("replaced %v", m)
	}
	s.delete(markets+"/NL", "If-Match", `"1"`).problem(http.StatusPreconditionFailed, "stale")
	if gone := s.delete(markets+"/NL", "If-Match", "*").must(http.StatusNoContent); gone.text != "" {
		t.Errorf("deleted with a body %s", gone.text)
	}
	s.delete(markets+"/NL").problem(http.StatusNotFound, "not-found")
	s.get(markets+"/NL").problem(http.StatusNotFound, "not-found")
	s.put(markets+"/NL", netherlands).problem(http.StatusNotFound, "not-found")
	s.patch(markets+"/NL", `{}`).problem(http.StatusNotFound, "not-found")
	if back := s.post(markets, netherlands).must(http.StatusCreated); back.header("ETag") != `"5"` {
		t.Errorf("came back as %s", back.text) // H7
	}
}

func TestMarketRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.post(markets, netherlands).must(http.StatusCreated)
	s.post(markets, `{"iso_code":"BE","name":"Belgium"}`).must(http.StatusCreated)
	s.createEntry(s.product("Chair"), "BE")
	long := strings.Repeat("x", 81)
	tests := map[string]refusal{
		"NotJSON":        {method: "POST", body: `{"name":`, status: 400, name: "malformed"},
		"Trailing":       {method: "POST", body: netherlands + `x`, status: 400, name: "malformed"},
		"Repeated":       {method: "POST", body: `{"name":"a","name":"b","iso_code":"FR"}`, status: 400, name: "malformed"},
		"Deep":           {method: "POST", body: strings.Repeat("[", 10_000), status: 400, name: "malformed"},
		"Empty":          {method: "POST", status: 400, name: "malformed"},
		"NoObject":       {method: "POST", body: `[]`, status: 422, name: "invalid"},
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
		"CodeIsNone":     {method: "GET", path: "/nl", status: 404, name: "not-found"},
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

// What has no body to choose the media type of is not refused for what the caller accepts.
func TestAcceptWhereThereIsNoBody(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.createMarket("NL", "Netherlands")
	path := s.createEntry(s.product("Chair"), "NL")
	s.delete(path, "Accept", "application/json").must(http.StatusNoContent)
	s.delete(markets+"/NL", "Accept", "application/json").must(http.StatusNoContent)
}

// TestNamesMayHaveAnySpaceAround: the document's rule and the code's trimming are the same.
func TestNamesMayHaveAnySpaceAround(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const around = `\u0085\u00a0\u2003\u3000\u000b `
	name := strings.Repeat("é", 80)
	body := func(code, name string) string {
		return `{"iso_code":"` + code + `","name":"` + around + name + around + `"}`
	}
	if m := s.post(markets, body("NL", name)).must(http.StatusCreated).object(); m["name"] != name {
		t.Errorf("created %v", m)
	}
	s.put(markets+"/NL", body("NL", "a")).must(http.StatusOK)
	s.patch(markets+"/NL", body("NL", "b")).must(http.StatusOK)
	for _, bad := range []string{"", name + "x"} {
		if r := s.post(markets, body("nl", bad)); r.status != 422 || r.pointers() != "/iso_code /name" {
			t.Errorf("%q: %d %s", bad, r.status, r.text)
		}
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.createMarket("NL", "Netherlands")
	head, get := s.do(http.MethodHead, markets+"/NL", "").must(http.StatusOK), s.get(markets+"/NL")
	if head.text != "" || head.header("ETag") != get.header("ETag") || head.header("Content-Length") != get.header("Content-Length") {
		t.Errorf("HEAD %v %q, GET %v", head.headers, head.text, get.headers)
	}
	s.do(http.MethodHead, entries, "").must(http.StatusOK)
}

// refusal is a request and the problem that it gets.
type refusal struct {
	method, path, body string
	headers            []string
	status             int
	name               string
	pointers           string // of the faults, sorted
}

func (r refusal) check(s *server, base string) {
	s.t.Helper()
	answer := s.do(r.method, base+r.path, r.body, r.headers...)
	answer.problem(r.status, r.name)
	if got := answer.pointers(); r.pointers != "" && got != r.pointers {
		s.t.Errorf("pointers %s, want %s\n%s", got, r.pointers, answer.text)
	}
	if r.status == http.StatusMethodNotAllowed && answer.header("Allow") == "" {
		s.t.Error("405 without Allow")
	}
}
