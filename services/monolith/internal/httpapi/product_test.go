package httpapi_test

import (
	"encoding/json"
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
		"NULAmongOthers":    {method: "POST", body: `{"name":"a\u0000","product_category":"","taste":1}`, status: 422, name: "invalid", pointers: "/name /product_category /taste"},
		"NullMember":        {method: "POST", body: `{"name":"a","product_category":"b","discontinued":null}`, status: 422, name: "invalid", pointers: "/discontinued"},
		"PutNullMember":     {method: "PUT", path: "/1", body: `{"name":"a","product_category":"b","discontinued":null}`, status: 422, name: "invalid", pointers: "/discontinued"},
		"NumberOfNoReader":  {method: "POST", body: `{"name":"a","product_category":"b","version":{"a":1e999}}`, status: 400, name: "malformed"},
		"KeyTooLong":        {method: "POST", body: chair, headers: []string{"Idempotency-Key", strings.Repeat("k", 256)}, status: 422, name: "invalid", pointers: "/header/Idempotency-Key"},
		"KeyEmpty":          {method: "POST", body: chair, headers: []string{"Idempotency-Key", ""}, status: 422, name: "invalid", pointers: "/header/Idempotency-Key"},
		"KeyTwice":          {method: "POST", body: chair, headers: []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, status: 422, name: "invalid", pointers: "/header/Idempotency-Key"},
		"Null":              {method: "PATCH", path: "/1", body: `{"name":null}`, status: 422, name: "invalid", pointers: "/name"},
		"PatchBlank":        {method: "PATCH", path: "/1", body: `{"name":" "}`, status: 422, name: "invalid", pointers: "/name"},
		"Taken":             {method: "POST", body: chair, status: 409, name: "product-exists"},
		"TakenByPut":        {method: "PUT", path: "/2", body: chair, status: 409, name: "product-exists"},
		"TakenByPatch":      {method: "PATCH", path: "/2", body: `{"name":"Rocking chair"}`, status: 409, name: "product-exists"},
		"NoSuch":            {method: "GET", path: "/99", status: 404, name: "not-found"},
		"IDIsText":          {method: "GET", path: "/abc", status: 404, name: "not-found"},
		"IDIsZero":          {method: "GET", path: "/0", status: 404, name: "not-found"},
		"IDIsHuge":          {method: "DELETE", path: "/99999999999999999999", status: 404, name: "not-found"},
		"IDHasSign":         {method: "GET", path: "/+1", status: 404, name: "not-found"},
		"IDHasZeros":        {method: "GET", path: "/01", status: 404, name: "not-found"},
		"TooDeep":           {method: "GET", path: "/1/x", status: 404, name: "not-found"},
		"TooDeepToPost":     {method: "POST", path: "/1/x", body: chair, status: 404, name: "not-found"},
		"NoSuchPath":        {method: "GET", path: "s", status: 404, name: "not-found"},
		"BadQuery":          {method: "GET", path: "?limit=201&sort=taste&include_discontinued=perhaps", status: 422, name: "invalid", pointers: "/query/include_discontinued /query/limit /query/sort"},
		"LimitZero":         {method: "GET", path: "?limit=0", status: 422, name: "invalid", pointers: "/query/limit"},
		"SearchNUL":         {method: "GET", path: "?search=a%00", status: 422, name: "invalid", pointers: "/query/search"},
		"SearchNotUTF8":     {method: "GET", path: "?search=%ff", status: 422, name: "invalid", pointers: "/query/search"},
		"CursorNUL":         {method: "GET", path: "?cursor=%00", status: 400, name: "malformed"},
		"CursorNotUTF8":     {method: "GET", path: "?cursor=%ff", status: 400, name: "malformed"},
		"BadCursor":         {method: "GET", path: "?limit=1&cursor=nonsense", status: 400, name: "malformed"},
		"Method":            {method: "PATCH", body: chair, status: 405, name: "method-not-allowed"},
		"Accept":            {method: "GET", headers: []string{"Accept", "text/html"}, status: 406, name: "not-acceptable"},
		"AcceptNotJSON":     {method: "GET", headers: []string{"Accept", "application/json;q=0, */*"}, status: 406, name: "not-acceptable"},
		"AcceptProblemOnly": {method: "GET", path: "/99", headers: []string{"Accept", problem}, status: 406, name: "not-acceptable"},
		"MediaType":         {method: "POST", body: chair, headers: []string{"Content-Type", "text/plain"}, status: 415, name: "unsupported-media-type"},
		"PatchMediaType":    {method: "PATCH", path: "/1", body: `{}`, headers: []string{"Content-Type", "application/json"}, status: 415, name: "unsupported-media-type"},
		"TooLarge":          {method: "POST", body: `{"name":"` + strings.Repeat("x", 2<<20) + `"}`, status: 413, name: "too-large"},
		"NothingMatches":    {method: "DELETE", path: "/1", headers: []string{"If-Match", `W/"1"`}, status: 412, name: "stale"},
		"MatchIsNonsense":   {method: "DELETE", path: "/1", headers: []string{"If-Match", `x`}, status: 412, name: "stale"},
		"LegacyPost":        {method: "POST", path: "/../catalog", body: `{"product":1}`, status: 409, name: "not-the-owner"},
		"LegacyPut":         {method: "PUT", path: "/../catalog/1", body: `nonsense`, status: 409, name: "not-the-owner"},
		"LegacyPatch":       {method: "PATCH", path: "/../catalog/1", status: 409, name: "not-the-owner"},
		"LegacyDelete":      {method: "DELETE", path: "/../catalog/1", status: 409, name: "not-the-owner"},
		"LegacyEncoded":     {method: "POST", path: "/../catalog", body: `x`, headers: []string{"Content-Encoding", "gzip"}, status: 409, name: "not-the-owner"},
		"LegacyQuery":       {method: "PUT", path: "/../catalog/1?limit=%zz", body: `x`, status: 409, name: "not-the-owner"},
		"LegacyLarge":       {method: "POST", path: "/../catalog", body: strings.Repeat("x", 100_000), status: 409, name: "not-the-owner"},
		"LegacyAccept":      {method: "POST", path: "/../catalog", body: `{}`, headers: []string{"Accept", "text/html"}, status: 409, name: "not-the-owner"},
		"LegacyDeleteBody":  {method: "DELETE", path: "/../catalog/1", body: `x`, status: 409, name: "not-the-owner"},
		"LegacyPutBadID":    {method: "PUT", path: "/../catalog/x", body: `x`, status: 404, name: "not-found"},
		"LegacyGet":         {method: "GET", path: "/../catalog/1", status: 404, name: "not-found"},
		"LegacyBadID":       {method: "GET", path: "/../catalog/x", status: 404, name: "not-found"},
		"LegacyBadQuery":    {method: "GET", path: "/../catalog?product=x&market=0", status: 422, name: "invalid", pointers: "/query/market /query/product"},
		"MarketsBadSort":    {method: "GET", path: "/../market?sort=x", status: 422, name: "invalid", pointers: "/query/sort"},
		"MarketsOtherVerb":  {method: "POST", path: "/../market", body: `{}`, status: 405, name: "method-not-allowed"},
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

// What has no body to choose the media type of is not refused for what the caller accepts.
func TestAcceptWhereThereIsNoBody(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.post("/api/v1/product", chair).must(http.StatusCreated)
	s.delete("/api/v1/product/1", "Accept", "application/json").must(http.StatusNoContent)
	for method, path := range map[string]string{"POST": "", "PUT": "/1", "PATCH": "/1", "DELETE": "/1"} {
		s.do(method, "/api/v1/catalog"+path, "", "Accept", "application/json").problem(http.StatusConflict, "not-the-owner")
	}
}

// Old integrations send what this API never knew.
func TestUnknownQueryNamesAreIgnored(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create("a", "x")
	s.create("b", "x")
	r := s.get("/api/v1/product?_=123&format=json&_=7&limit=1").must(http.StatusOK)
	if r.names() != "a" || s.get(r.next()).must(http.StatusOK).names() != "b" {
		t.Errorf("listed %s", r.text)
	}
	s.get("/api/v1/product/1?format=json").must(http.StatusOK)
	s.get("/api/v1/catalog?_=%00").must(http.StatusOK)
	s.get("/api/v1/market?_=1").must(http.StatusOK)
}

// TestNamesMayHaveAnySpaceAround: the document's rule and the code's trimming are the same.
func TestNamesMayHaveAnySpaceAround(t *testing.T) {
	t.Parallel()
	s := setup(t)
	name, around := strings.Repeat("é", 100), "\u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\v\f\r\n\t "
	body := func(name, category string) string {
		text, err := json.Marshal(map[string]string{"name": name, "product_category": category})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	p := s.post("/api/v1/product", body(around+name+around, around+"tea"+around)).must(http.StatusCreated).object()
	if p["name"] != name || p["product_category"] != "tea" {
		t.Errorf("created %v", p)
	}
	s.patch("/api/v1/product/1", body(around+"x"+around, "tea")).must(http.StatusOK)
	for _, bad := range []string{around, around + name + "x" + around} {
		r := s.post("/api/v1/product", body(bad, bad))
		if r.problem(http.StatusUnprocessableEntity, "invalid"); r.pointers() != "/name /product_category" {
			t.Errorf("pointers %s", r.pointers())
		}
	}
	// No space to Unicode, whatever it looks like: it counts.
	if p := s.post("/api/v1/product", body("\ufeff", "\u200b")).must(http.StatusCreated).object(); p["name"] != "\ufeff" {
		t.Errorf("created %v", p)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.post("/api/v1/product", chair).must(http.StatusCreated)
	for _, path := range []string{"/api/v1/product", "/api/v1/product/1"} {
		head, get := s.do(http.MethodHead, path, "").must(http.StatusOK), s.get(path)
		if head.text != "" || head.header("ETag") != get.header("ETag") || head.header("Content-Type") != get.header("Content-Type") {
			t.Errorf("%s: HEAD %v %q, GET %v", path, head.headers, head.text, get.headers)
		}
	}
	if r := s.do(http.MethodHead, "/api/v1/product/2", "").must(http.StatusNotFound); r.text != "" {
		t.Errorf("HEAD gives %s", r.text)
	}
	s.do(http.MethodHead, "/api/v1/product/1", "", "If-None-Match", `"1"`).must(http.StatusNotModified)
}
