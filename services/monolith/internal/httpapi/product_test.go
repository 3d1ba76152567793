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
	created := s.Post("/api/v1/product", ` {"name":" Rocking chair ","product_category":"Furniture","id":77,"version":null} `).
		Must(http.StatusCreated)
	if created.Header("ETag") != `"1"` || created.Header("Location") != "/api/v1/product/1" {
		t.Errorf("headers %v", created.Headers)
	}
	p := created.Object()
	if p["name"] != "Rocking chair" || p["discontinued"] != false || p["version"] != 1.0 || p["id"] != 1.0 ||
		p["created_at"] != p["updated_at"] || !strings.HasSuffix(p["created_at"].(string), "Z") {
		t.Errorf("created %v", p)
	}
	if id, err := uuid.Parse(p["product_uuid"].(string)); err != nil || id.Version() != 7 {
		t.Errorf("product_uuid %v", p["product_uuid"])
	}
	read := s.Get(created.Header("Location")).Must(http.StatusOK)
	if read.Text != created.Text || read.Header("ETag") != `"1"` {
		t.Errorf("read %s, created %s", read.Text, created.Text)
	}
	s.Get("/api/v1/product/1", "If-None-Match", `W/"1", "7"`).Must(http.StatusNotModified)
	s.Get("/api/v1/product/1", "If-None-Match", `"2"`).Must(http.StatusOK)

	patched := s.Patch("/api/v1/product/1", `{"name":"Stool"}`, "If-Match", `"1"`).Must(http.StatusOK)
	if p := patched.Object(); p["name"] != "Stool" || p["product_category"] != "Furniture" || patched.Header("ETag") != `"2"` {
		t.Errorf("patched %v", p)
	}
	same := s.Patch("/api/v1/product/1", `{"name":"Stool ","discontinued":false}`).Must(http.StatusOK)
	if same.Text != patched.Text || same.Header("ETag") != `"2"` {
		t.Errorf("a change of nothing: %s", same.Text)
	}
	s.Put("/api/v1/product/1", chair, "If-Match", `"1"`).Problem(http.StatusPreconditionFailed, "stale")
	discontinued := s.Put("/api/v1/product/1", `{"name":"Stool","product_category":"Seats","discontinued":true}`, "If-Match", `"1", "2"`)
	if p := discontinued.Must(http.StatusOK).Object(); p["discontinued"] != true || p["version"] != 3.0 {
		t.Errorf("replaced %v", p)
	}
	replaced := s.Put("/api/v1/product/1", chair, "If-Match", "*").Must(http.StatusOK).Object()
	if replaced["discontinued"] != false || replaced["name"] != "Rocking chair" {
		t.Errorf("a member that is left out keeps its value: %v", replaced)
	}
	s.Delete("/api/v1/product/1", "If-Match", `"1"`).Problem(http.StatusPreconditionFailed, "stale")
	if gone := s.Delete("/api/v1/product/1", "If-Match", `"4"`).Must(http.StatusNoContent); gone.Text != "" {
		t.Errorf("deleted with a body %s", gone.Text)
	}
	s.Delete("/api/v1/product/1").Problem(http.StatusNotFound, "not-found")
	s.Get("/api/v1/product/1").Problem(http.StatusNotFound, "not-found")
	s.Put("/api/v1/product/1", chair).Problem(http.StatusNotFound, "not-found")
	s.Patch("/api/v1/product/1", `{}`).Problem(http.StatusNotFound, "not-found")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.Post("/api/v1/product", chair).Must(http.StatusCreated)
	s.Post("/api/v1/product", `{"name":"Stool","product_category":"Furniture"}`).Must(http.StatusCreated)
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
		"NotAnObject":       {method: "POST", body: `[]`, status: 422, name: "invalid"},
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
		"NumberTooLarge":    {method: "POST", body: `{"name":"a","product_category":"b","version":{"a":1e999}}`, status: 400, name: "malformed"},
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
		"LegacyEmpty":       {method: "POST", path: "/../catalog", body: `{}`, status: 422, name: "invalid", pointers: "/market /product"},
		"LegacyAllFaults":   {method: "POST", path: "/../catalog", body: `{"product":0,"market":"NL","availability_date":"soon","taste":1}`, status: 422, name: "invalid", pointers: "/availability_date /market /product /taste"},
		"LegacyNullDate":    {method: "POST", path: "/../catalog", body: `{"product":99,"market":99,"availability_date":null,"id":null}`, status: 422, name: "unknown-reference", pointers: "/market /product"},
		"LegacyUnknown":     {method: "POST", path: "/../catalog", body: `{"product":1,"market":99}`, status: 422, name: "unknown-reference", pointers: "/market"},
		"LegacyNotJSON":     {method: "PUT", path: "/../catalog/1", body: `nonsense`, status: 400, name: "malformed"},
		"LegacyPutNull":     {method: "PUT", path: "/../catalog/1", body: `{"product":null}`, status: 422, name: "invalid", pointers: "/product"},
		"LegacyPut":         {method: "PUT", path: "/../catalog/1", body: `{}`, status: 404, name: "not-found"},
		"LegacyPatchNull":   {method: "PATCH", path: "/../catalog/1", body: `{"market":null}`, status: 422, name: "invalid", pointers: "/market"},
		"LegacyPatch":       {method: "PATCH", path: "/../catalog/1", body: `{}`, status: 404, name: "not-found"},
		"LegacyMediaType":   {method: "PATCH", path: "/../catalog/1", body: `{}`, headers: []string{"Content-Type", "application/json"}, status: 415, name: "unsupported-media-type"},
		"LegacyDelete":      {method: "DELETE", path: "/../catalog/1", status: 404, name: "not-found"},
		"LegacyEncoded":     {method: "POST", path: "/../catalog", body: `x`, headers: []string{"Content-Encoding", "gzip"}, status: 415, name: "unsupported-media-type"},
		"LegacyLarge":       {method: "POST", path: "/../catalog", body: strings.Repeat("x", 100_000), status: 413, name: "too-large"},
		"LegacyAccept":      {method: "POST", path: "/../catalog", body: `{}`, headers: []string{"Accept", "text/html"}, status: 406, name: "not-acceptable"},
		"LegacyKeyTooLong":  {method: "DELETE", path: "/../catalog/1", headers: []string{"Idempotency-Key", strings.Repeat("k", 256)}, status: 422, name: "invalid", pointers: "/header/Idempotency-Key"},
		"ChangeUnknown":     {method: "GET", path: "/../catalog-change/0198c0de-9d55-7e31-8b60-2c7a4f5e1d08", status: 404, name: "not-found"},
		"ChangeBadID":       {method: "GET", path: "/../catalog-change/1", status: 404, name: "not-found"},
		"ChangeOtherVerb":   {method: "DELETE", path: "/../catalog-change/1", status: 405, name: "method-not-allowed"},
		"LegacyPutBadID":    {method: "PUT", path: "/../catalog/x", body: `x`, status: 404, name: "not-found"},
		"LegacyGet":         {method: "GET", path: "/../catalog/1", status: 404, name: "not-found"},
		"LegacyBadID":       {method: "GET", path: "/../catalog/x", status: 404, name: "not-found"},
		"LegacyBadQuery":    {method: "GET", path: "/../catalog?product=x&market=0", status: 422, name: "invalid", pointers: "/query/market /query/product"},
		"MarketsBadSort":    {method: "GET", path: "/../market?sort=x", status: 422, name: "invalid", pointers: "/query/sort"},
		"MarketsReadOnly":   {method: "POST", path: "/../market", body: `{}`, status: 405, name: "method-not-allowed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.in(t)
			path := "/api/v1/product" + tt.path
			if after, legacy := strings.CutPrefix(tt.path, "/.."); legacy {
				path = "/api/v1" + after
			}
			r := s.Do(tt.method, path, tt.body, tt.headers...)
			r.Problem(tt.status, tt.name)
			if got := r.Pointers(); tt.pointers != "" && got != tt.pointers {
				t.Errorf("pointers %s, want %s\n%s", got, tt.pointers, r.Text)
			}
			if tt.status == http.StatusMethodNotAllowed && r.Header("Allow") == "" {
				t.Error("405 without Allow")
			}
		})
	}
}

func TestNamesAreCountedInCodePoints(t *testing.T) {
	t.Parallel()
	s := setup(t)
	name := strings.Repeat("😀", 100)
	p := s.Post("/api/v1/product", `{"name":"`+name+`","product_category":" \u00a0tea\t"}`).Must(http.StatusCreated).Object()
	if p["name"] != name || p["product_category"] != "tea" {
		t.Errorf("created %v", p)
	}
	s.Post("/api/v1/product", `{"name":"`+name+`x","product_category":"tea"}`).Problem(http.StatusUnprocessableEntity, "invalid")
}

func TestTrailingSlash(t *testing.T) {
	t.Parallel()
	s := setup(t)
	location := s.Post("/api/v1/product/", chair).Must(http.StatusCreated).Header("Location")
	s.Get(location + "/").Must(http.StatusOK)
	s.Get("/api/v1/product/").Must(http.StatusOK)
	s.Patch(location+"/", `{"discontinued":true}`).Must(http.StatusOK)
	s.Get("/api/v1/catalog/").Must(http.StatusOK)
	s.Get("/api/v1/market/?limit=5").Must(http.StatusOK)
	s.Put(location+"/", chair).Must(http.StatusOK)
	s.Delete(location + "/").Must(http.StatusNoContent)
}

// An answer without a body is not refused because of the Accept header.
func TestAcceptWhereThereIsNoBody(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.Post("/api/v1/product", chair).Must(http.StatusCreated)
	s.Delete("/api/v1/product/1", "Accept", "application/json").Must(http.StatusNoContent)
	s.Delete("/api/v1/catalog/1", "Accept", "application/json").Problem(http.StatusNotFound, "not-found")
}

// Old integrations send query parameters that this API never had.
func TestUnknownQueryNamesAreIgnored(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create("a", "x")
	s.create("b", "x")
	r := s.Get("/api/v1/product?_=123&format=json&_=7&limit=1").Must(http.StatusOK)
	if r.Names(" ") != "a" || s.Get(r.Next()).Must(http.StatusOK).Names(" ") != "b" {
		t.Errorf("listed %s", r.Text)
	}
	s.Get("/api/v1/product/1?format=json").Must(http.StatusOK)
	s.Get("/api/v1/catalog?_=%00").Must(http.StatusOK)
	s.Get("/api/v1/market?_=1").Must(http.StatusOK)
}

// TestNamesMayHaveAnySpaceAround: the document and the code trim the same characters.
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
	p := s.Post("/api/v1/product", body(around+name+around, around+"tea"+around)).Must(http.StatusCreated).Object()
	if p["name"] != name || p["product_category"] != "tea" {
		t.Errorf("created %v", p)
	}
	s.Patch("/api/v1/product/1", body(around+"x"+around, "tea")).Must(http.StatusOK)
	for _, bad := range []string{around, around + name + "x" + around} {
		r := s.Post("/api/v1/product", body(bad, bad))
		if r.Problem(http.StatusUnprocessableEntity, "invalid"); r.Pointers() != "/name /product_category" {
			t.Errorf("pointers %s", r.Pointers())
		}
	}
	// Unicode does not count these characters as space, so they are part of the name. Alone they are not a name.
	if p := s.Post("/api/v1/product", body("\ufeffx", "\u200bx")).Must(http.StatusCreated).Object(); p["name"] != "\ufeffx" {
		t.Errorf("created %v", p)
	}
	r := s.Post("/api/v1/product", body("\ufeff", "\u200b"))
	if r.Problem(http.StatusUnprocessableEntity, "invalid"); r.Pointers() != "/name /product_category" {
		t.Errorf("pointers %s", r.Pointers())
	}
}

// One name in two spellings is one name: when it is stored, in filters and in searches.
func TestNamesHaveOneForm(t *testing.T) {
	t.Parallel()
	s := setup(t)
	p := s.Post("/api/v1/product", `{"name": "Cafe\u0301", "product_category": "Boi\u0302te"}`).Must(http.StatusCreated).Object()
	if p["name"] != "Caf\u00e9" || p["product_category"] != "Bo\u00eete" {
		t.Errorf("created %+q", p["name"])
	}
	s.Post("/api/v1/product", `{"name": "Caf\u00e9", "product_category": "Bo\u00eete"}`).Problem(http.StatusConflict, "product-exists")
	for _, filter := range []string{"search=Cafe%CC%81", "search=Caf%C3%A9", "product_category=Boi%CC%82te", "product_category=Bo%C3%AEte"} {
		if r := s.Get("/api/v1/product?" + filter).Must(http.StatusOK); !strings.Contains(r.Text, "Caf\u00e9") {
			t.Errorf("%s lists %s", filter, r.Text)
		}
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.Post("/api/v1/product", chair).Must(http.StatusCreated)
	for _, path := range []string{"/api/v1/product", "/api/v1/product/1"} {
		head, get := s.Do(http.MethodHead, path, "").Must(http.StatusOK), s.Get(path)
		if head.Text != "" || head.Header("ETag") != get.Header("ETag") || head.Header("Content-Type") != get.Header("Content-Type") {
			t.Errorf("%s: HEAD %v %q, GET %v", path, head.Headers, head.Text, get.Headers)
		}
	}
	if r := s.Do(http.MethodHead, "/api/v1/product/2", "").Must(http.StatusNotFound); r.Text != "" {
		t.Errorf("HEAD gives %s", r.Text)
	}
	s.Do(http.MethodHead, "/api/v1/product/1", "", "If-None-Match", `"1"`).Must(http.StatusNotModified)
}
