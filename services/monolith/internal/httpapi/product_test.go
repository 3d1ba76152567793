package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

const chair = `{"name":"Rocking chair","product_category":"Furniture"}`

func TestProductLives(t *testing.T) {
	t.Parallel()
	s := setup(t)
	created := s.post("/api/v1/product", ` {"name":" Rocking chair ","product_category":"Furniture","id":77,"version":null} `).
		must(http.StatusCreated)
	if created.header("ETag") != `"1"` || created.header("Location") != "/api/v1/product/1" {
		t.Errorf("headers %v", created.headers)
	}
	p := created.object()
	if p["name"] != "Rocking chair" || p["discontinued"] != false || p["version"] != 1.0 || p["id"] != 1.0 ||
		p["created_at"] != p["updated_at"] || !strings.HasSuffix(p["created_at"].(string), "Z") {
		t.Errorf("created %v", p)
	}
	if id, err := uuid.Parse(p["product_uuid"].(string)); err != nil || id.Version() != 7 {
		t.Errorf("product_uuid %v", p["product_uuid"])
	}
	read := s.get(created.header("Location")).must(http.StatusOK)
	if read.text != created.text || read.header("ETag") != `"1"` {
		t.Errorf("read %s, created %s", read.text, created.text)
	}
	s.get("/api/v1/product/1", "If-None-Match", `W/"1", "7"`).must(http.StatusNotModified)
	s.get("/api/v1/product/1", "If-None-Match", `"2"`).must(http.StatusOK)

	patched := s.patch("/api/v1/product/1", `{"name":"Stool"}`, "If-Match", `"1"`).must(http.StatusOK)
	if p := patched.object(); p["name"] != "Stool" || p["product_category"] != "Furniture" || patched.header("ETag") != `"2"` {
		t.Errorf("patched %v", p)
	}
	same := s.patch("/api/v1/product/1", `{"name":"Stool ","discontinued":false}`).must(http.StatusOK)
	if same.text != patched.text || same.header("ETag") != `"2"` {
		t.Errorf("a change of nothing: %s", same.text)
	}
	s.put("/api/v1/product/1", chair, "If-Match", `"1"`).problem(http.StatusPreconditionFailed, "stale")
	discontinued := s.put("/api/v1/product/1", `{"name":"Stool","product_category":"Seats","discontinued":true}`, "If-Match", `"1", "2"`)
	if p := discontinued.must(http.StatusOK).object(); p["discontinued"] != true || p["version"] != 3.0 {
		t.Errorf("replaced %v", p)
	}
	replaced := s.put("/api/v1/product/1", chair, "If-Match", "*").must(http.StatusOK).object()
	if replaced["discontinued"] != false || replaced["name"] != "Rocking chair" {
		t.Errorf("a member that is left out keeps its value: %v", replaced)
	}
	s.delete("/api/v1/product/1", "If-Match", `"1"`).problem(http.StatusPreconditionFailed, "stale")
	if gone := s.delete("/api/v1/product/1", "If-Match", `"4"`).must(http.StatusNoContent); gone.text != "" {
		t.Errorf("deleted with a body %s", gone.text)
	}
	s.delete("/api/v1/product/1").problem(http.StatusNotFound, "not-found")
	s.get("/api/v1/product/1").problem(http.StatusNotFound, "not-found")
	s.put("/api/v1/product/1", chair).problem(http.StatusNotFound, "not-found")
	s.patch("/api/v1/product/1", `{}`).problem(http.StatusNotFound, "not-found")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.post("/api/v1/product", chair).must(http.StatusCreated)
	s.post("/api/v1/product", `{"name":"Stool","product_category":"Furniture"}`).must(http.StatusCreated)
	long := strings.Repeat("x", 101)
	const problem = "application/problem+json"
	tests := map[string]struct {
		method, path, body string
		headers            []string
		status             int
		name               string
		pointers           string // of the faults, sorted
	}{
		"NotJSON":           {method: "POST", body: `{"name":`, status: 400, name: "malformed"},
		"Trailing":          {method: "POST", body: chair + `x`, status: 400, name: "malformed"},
		"Repeated":          {method: "POST", body: `{"name":"a","name":"b","product_category":"c"}`, status: 400, name: "malformed"},
		"Deep":              {method: "POST", body: strings.Repeat("[", 10_000), status: 400, name: "malformed"},
		"NotUTF8":           {method: "POST", body: "{\"name\":\"a\xff\",\"product_category\":\"c\"}", status: 400, name: "malformed"},
		"Empty":             {method: "POST", status: 400, name: "malformed"},
		"NoObject":          {method: "POST", body: `[]`, status: 422, name: "invalid"},
		"AllFaults":         {method: "POST", body: `{"name":"","product_category":"` + long + `"}`, status: 422, name: "invalid", pointers: "/name /product_category"},
		"Missing":           {method: "POST", body: `{}`, status: 422, name: "invalid", pointers: "/name /product_category"},
		"Blank":             {method: "POST", body: `{"name":"  ","product_category":"\t"}`, status: 422, name: "invalid", pointers: "/name /product_category"},
		"Unknown":           {method: "POST", body: `{"name":"a","product_category":"b","taste":"c"}`, status: 422, name: "invalid", pointers: "/taste"},
		"OtherCase":         {method: "POST", body: `{"Name":"a","name":"a","product_category":"b"}`, status: 422, name: "invalid", pointers: "/Name"},
		"WrongType":         {method: "POST", body: `{"name":5,"product_category":"b","discontinued":"yes"}`, status: 422, name: "invalid", pointers: "/discontinued /name"},
		"NUL":               {method: "POST", body: `{"name":"a\u0000","product_category":"b"}`, status: 422, name: "invalid", pointers: "/name"},
		"Null":              {method: "PATCH", path: "/1", body: `{"name":null}`, status: 422, name: "invalid", pointers: "/name"},
		"PatchBlank":        {method: "PATCH", path: "/1", body: `{"name":" "}`, status: 422, name: "invalid", pointers: "/name"},
		"Taken":             {method: "POST", body: chair, status: 409, name: "product-exists"},
		"TakenByPut":        {method: "PUT", path: "/2", body: chair, status: 409, name: "product-exists"},
		"TakenByPatch":      {method: "PATCH", path: "/2", body: `{"name":"Rocking chair"}`, status: 409, name: "product-exists"},
		"NoSuch":            {method: "GET", path: "/99", status: 404, name: "not-found"},
		"IDIsText":          {method: "GET", path: "/abc", status: 404, name: "not-found"},
		"IDIsZero":          {method: "GET", path: "/0", status: 404, name: "not-found"},
		"IDIsHuge":          {method: "DELETE", path: "/99999999999999999999", status: 404, name: "not-found"},
		"NoSuchPath":        {method: "GET", path: "s", status: 404, name: "not-found"},
		"BadQuery":          {method: "GET", path: "?limit=201&sort=taste&include_discontinued=perhaps", status: 422, name: "invalid", pointers: "/query/include_discontinued /query/limit /query/sort"},
		"LimitZero":         {method: "GET", path: "?limit=0", status: 422, name: "invalid", pointers: "/query/limit"},
		"SearchNUL":         {method: "GET", path: "?search=a%00", status: 422, name: "invalid", pointers: "/query/search"},
		"SearchNotUTF8":     {method: "GET", path: "?search=%ff", status: 422, name: "invalid", pointers: "/query/search"},
		"BadCursor":         {method: "GET", path: "?limit=1&cursor=nonsense", status: 400, name: "malformed"},
		"Method":            {method: "PATCH", body: chair, status: 405, name: "method-not-allowed"},
		"Accept":            {method: "GET", headers: []string{"Accept", "text/html"}, status: 406, name: "not-acceptable"},
		"MediaType":         {method: "POST", body: chair, headers: []string{"Content-Type", "text/plain"}, status: 415, name: "unsupported-media-type"},
		"PatchMediaType":    {method: "PATCH", path: "/1", body: `{}`, headers: []string{"Content-Type", "application/json"}, status: 415, name: "unsupported-media-type"},
		"TooLarge":          {method: "POST", body: `{"name":"` + strings.Repeat("x", 2<<20) + `"}`, status: 413, name: "too-large"},
		"NothingMatches":    {method: "DELETE", path: "/1", headers: []string{"If-Match", `W/"1"`}, status: 412, name: "stale"},
		"MatchIsNonsense":   {method: "DELETE", path: "/1", headers: []string{"If-Match", `x`}, status: 412, name: "stale"},
		"LegacyPost":        {method: "POST", path: "/../catalog", body: `{"product":1}`, status: 409, name: "not-the-owner"},
		"LegacyPut":         {method: "PUT", path: "/../catalog/1", body: `nonsense`, status: 409, name: "not-the-owner"},
		"LegacyPatch":       {method: "PATCH", path: "/../catalog/1", status: 409, name: "not-the-owner"},
		"LegacyDelete":      {method: "DELETE", path: "/../catalog/1", status: 409, name: "not-the-owner"},
		"LegacyGet":         {method: "GET", path: "/../catalog/1", status: 404, name: "not-found"},
		"LegacyBadID":       {method: "GET", path: "/../catalog/x", status: 404, name: "not-found"},
		"LegacyBadQuery":    {method: "GET", path: "/../catalog?product=x&market=0", status: 422, name: "invalid", pointers: "/query/market /query/product"},
		"MarketsBadSort":    {method: "GET", path: "/../market?sort=x", status: 422, name: "invalid", pointers: "/query/sort"},
		"MarketsOtherVerb":  {method: "POST", path: "/../market", body: `{}`, status: 405, name: "method-not-allowed"},
		"AcceptProblemOnly": {method: "GET", path: "/99", headers: []string{"Accept", problem}, status: 404, name: "not-found"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.in(t)
			path := "/api/v1/product" + tt.path
			if after, legacy := strings.CutPrefix(tt.path, "/.."); legacy {
				path = "/api/v1" + after
			}
			r := s.do(tt.method, path, tt.body, tt.headers...)
			r.problem(tt.status, tt.name)
			if got := r.pointers(); tt.pointers != "" && got != tt.pointers {
				t.Errorf("pointers %s, want %s\n%s", got, tt.pointers, r.text)
			}
			if tt.status == http.StatusMethodNotAllowed && r.header("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

func TestNamesAreCountedInCodePoints(t *testing.T) {
	t.Parallel()
	s := setup(t)
	name := strings.Repeat("😀", 100)
	p := s.post("/api/v1/product", `{"name":"`+name+`","product_category":" \u00a0tea\t"}`).must(http.StatusCreated).object()
	if p["name"] != name || p["product_category"] != "tea" {
		t.Errorf("created %v", p)
	}
	s.post("/api/v1/product", `{"name":"`+name+`x","product_category":"tea"}`).problem(http.StatusUnprocessableEntity, "invalid")
}

func TestTrailingSlash(t *testing.T) {
	t.Parallel()
	s := setup(t)
	location := s.post("/api/v1/product/", chair).must(http.StatusCreated).header("Location")
	s.get(location + "/").must(http.StatusOK)
	s.get("/api/v1/product/").must(http.StatusOK)
	s.patch(location+"/", `{"discontinued":true}`).must(http.StatusOK)
	s.get("/api/v1/catalog/").must(http.StatusOK)
	s.get("/api/v1/market/?limit=5").must(http.StatusOK)
	s.put(location+"/", chair).must(http.StatusOK)
	s.delete(location + "/").must(http.StatusNoContent)
}
