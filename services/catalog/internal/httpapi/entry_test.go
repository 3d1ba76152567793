package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

const entries = "/catalog/api/v1"

// createEntry creates an entry without dates and returns its path.
func (s *server) createEntry(product uuid.UUID, market string) string {
	s.T.Helper()
	body := fmt.Sprintf(`{"product":"%s","market":"%s"}`, product, market)
	return s.Post(entries, body).Must(http.StatusCreated).Header("Location")
}

func TestEntryLives(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.Post(markets, netherlands).Must(http.StatusCreated)
	chair := s.product("Chair")
	body := fmt.Sprintf(`{"product":"%s","market":"NL","availability_date":"2026-03-01","id":"x","version":null}`, chair)
	created := s.Post(entries, body).Must(http.StatusCreated)
	path := created.Header("Location")
	e := created.Object()
	if created.Header("ETag") != `"1"` || path != entries+"/"+e["id"].(string) {
		t.Errorf("headers %v", created.Headers)
	}
	if end, there := e["availability_end_date"]; end != nil || !there || e["availability_date"] != "2026-03-01" ||
		e["product"] != chair.String() || e["market"] != "NL" || e["version"] != 1.0 || e["created_at"] != e["updated_at"] {
		t.Errorf("created %v", e)
	}
	if id, err := uuid.Parse(e["id"].(string)); err != nil || id.Version() != 7 {
		t.Errorf("id %v", e["id"])
	}
	read := s.Get(path).Must(http.StatusOK)
	if read.Text != created.Text || read.Header("ETag") != `"1"` {
		t.Errorf("read %s, created %s", read.Text, created.Text)
	}
	s.Get(path, "If-None-Match", `"1"`).Must(http.StatusNotModified)

	ended := s.Patch(path, `{"availability_end_date":"2026-12-31"}`, "If-Match", `"1"`).Must(http.StatusOK)
	if e := ended.Object(); e["availability_date"] != "2026-03-01" || e["availability_end_date"] != "2026-12-31" || ended.Header("ETag") != `"2"` {
		t.Errorf("patched %v", e)
	}
	if same := s.Patch(path, `{"market":"NL"}`).Must(http.StatusOK); same.Text != ended.Text || same.Header("ETag") != `"2"` {
		t.Errorf("a change of nothing: %s", same.Text)
	}
	s.Patch(path, `{"availability_end_date":null}`, "If-Match", `"1"`).Problem(http.StatusPreconditionFailed, "stale")
	if e := s.Patch(path, `{"availability_end_date":null}`).Must(http.StatusOK).Object(); e["availability_end_date"] != nil {
		t.Errorf("reopened %v", e)
	}
	if e := s.Put(path, `{"availability_end_date":"2026-12-31"}`).Must(http.StatusOK).Object(); e["availability_date"] != nil ||
		e["availability_end_date"] != "2026-12-31" || e["version"] != 4.0 {
		t.Errorf("a date that is left out keeps its value: %v", e)
	}
	// A client can send back what it has read.
	if again := s.Put(path, s.Get(path).Text).Must(http.StatusOK); again.Header("ETag") != `"4"` {
		t.Errorf("sent back: %s", again.Text)
	}
	s.Delete(path, "If-Match", `"1"`).Problem(http.StatusPreconditionFailed, "stale")
	s.Delete(path, "If-Match", `"4"`).Must(http.StatusNoContent)
	s.Delete(path).Problem(http.StatusNotFound, "not-found")
	s.Get(path).Problem(http.StatusNotFound, "not-found")
	s.Put(path, `{}`).Problem(http.StatusNotFound, "not-found")
	s.Patch(path, `{}`).Problem(http.StatusNotFound, "not-found")
	if again := s.createEntry(chair, "NL"); again == path {
		t.Error("an id was used twice")
	}
}

func TestEntryRefusals(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.Post(markets, netherlands).Must(http.StatusCreated)
	chair, relic := s.product("Chair"), s.product("Relic")
	path := strings.TrimPrefix(s.createEntry(chair, "NL"), entries)
	ended := strings.TrimPrefix(s.createEntry(relic, "NL"), entries)
	s.apply(state(relic, 2, "Relic", true))
	gone := s.product("Gone")
	s.apply(productcopy.ProductChange{ID: gone, Change: copyrow.Change{Version: 2, Time: noon, Deleted: true}})

	body := func(product any, market, more string) string {
		return fmt.Sprintf(`{"product":"%s","market":"%s"%s}`, product, market, more)
	}
	const start, end = `,"availability_date":`, `,"availability_end_date":`
	tests := map[string]refusal{
		"NotJSON":        {method: "POST", body: `{"product":`, status: 400, name: "malformed"},
		"Missing":        {method: "POST", body: `{}`, status: 422, name: "invalid", pointers: "/market /product"},
		"AllFaults":      {method: "POST", body: body("x", "nl", start+`5`+end+`"2026-02-30"`), status: 422, name: "invalid", pointers: "/availability_date /availability_end_date /market /product"},
		"NoDate":         {method: "POST", body: body(chair, "NL", start+`"2026-3-1"`), status: 422, name: "invalid", pointers: "/availability_date"},
		"YearZero":       {method: "POST", body: body(chair, "NL", start+`"0000-01-01"`), status: 422, name: "invalid", pointers: "/availability_date"},
		"EndFirst":       {method: "POST", body: body(chair, "NL", start+`"2026-03-01"`+end+`"2026-02-28"`), status: 422, name: "invalid", pointers: "/availability_end_date"},
		"NULAmongOthers": {method: "POST", body: `{"market":"N\u0000","shade":1}`, status: 422, name: "invalid", pointers: "/market /market /product /shade"},
		"UnknownQuery":   {method: "GET", path: "?_=1", status: 422, name: "invalid", pointers: "/query/_"},
		"CursorNUL":      {method: "GET", path: "?cursor=%00", status: 400, name: "malformed"},
		"CursorNotUTF8":  {method: "GET", path: "?cursor=%ff", status: 400, name: "malformed"},
		"TooDeep":        {method: "PUT", path: path + "/x", body: `{}`, status: 404, name: "not-found"},
		"TooDeepToPost":  {method: "POST", path: path + "/x", body: `{}`, status: 404, name: "not-found"},
		"KeyTwice":       {method: "POST", body: `{}`, headers: []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, status: 422, name: "invalid", pointers: "/header/Idempotency-Key /market /product"},
		"Unknown":        {method: "POST", body: body(uuid.New(), "XX", ""), status: 422, name: "unknown-reference", pointers: "/market /product"},
		"NilProduct":     {method: "POST", body: body(uuid.Nil, "NL", ""), status: 422, name: "invalid", pointers: "/product"},
		"Discontinued":   {method: "POST", body: body(relic, "NL", ""), status: 422, name: "invalid", pointers: "/product"},
		"Deleted":        {method: "POST", body: body(gone, "NL", ""), status: 422, name: "unknown-reference", pointers: "/product"},
		"Taken":          {method: "POST", body: body(chair, "NL", ""), status: 409, name: "entry-exists"},
		"NullProduct":    {method: "PATCH", path: path, body: `{"product":null}`, status: 422, name: "invalid", pointers: "/product"},
		"OtherPlace":     {method: "PATCH", path: path, body: body(relic, "BE", ""), status: 422, name: "invalid", pointers: "/market /product"},
		"PutOtherPlace":  {method: "PUT", path: path, body: body(uuid.Nil, "BE", ""), status: 422, name: "invalid", pointers: "/market /product"},
		"Reopen":         {method: "PATCH", path: ended, body: `{"availability_end_date":null}`, status: 422, name: "invalid", pointers: "/availability_end_date"},
		"NoSuch":         {method: "GET", path: "/" + uuid.NewString(), status: 404, name: "not-found"},
		"IDIsInvalid":    {method: "GET", path: "/abc", status: 404, name: "not-found"},
		"IDIsNumber":     {method: "DELETE", path: "/1", status: 404, name: "not-found"},
		"BadQuery":       {method: "GET", path: "?product=x&market=nl&available_on=soon&limit=0&sort=name", status: 422, name: "invalid", pointers: "/query/available_on /query/limit /query/market /query/product /query/sort"},
		"BadCursor":      {method: "GET", path: "?cursor=nonsense", status: 400, name: "malformed"},
		"Method":         {method: "PUT", body: `{}`, status: 405, name: "method-not-allowed"},
		"Accept":         {method: "GET", path: path, headers: []string{"Accept", "text/html"}, status: 406, name: "not-acceptable"},
		"MediaType":      {method: "POST", body: `x`, headers: []string{"Content-Type", "text/plain"}, status: 415, name: "unsupported-media-type"},
		"TooLarge":       {method: "POST", body: `{"market":"` + strings.Repeat("x", 2<<20) + `"}`, status: 413, name: "too-large"},
		"NothingMatches": {method: "DELETE", path: path, headers: []string{"If-Match", `"7"`}, status: 412, name: "stale"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.check(s.in(t), entries)
		})
	}
}

// TestMethodsOfNeighbors: paths below /catalog/api/v1 that are not entries are not treated as entries.
func TestMethodsOfNeighbors(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, path := range []string{"/markets", "/markets/", "/products", "/products/" + uuid.NewString()} {
		for _, method := range []string{"PUT", "PATCH", "DELETE"} {
			r := s.Do(method, entries+path, `{}`)
			r.Problem(http.StatusMethodNotAllowed, "method-not-allowed")
			if allow := r.Header("Allow"); !strings.Contains(allow, "GET") || strings.Contains(allow, method) {
				t.Errorf("%s %s: Allow %s", method, path, allow)
			}
		}
	}
	for _, path := range []string{"/markets/NL/x", "/products/" + uuid.NewString() + "/x"} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			s.Do(method, entries+path, `{}`).Problem(http.StatusNotFound, "not-found")
		}
	}
	s.Get(entries+"/others/NL").Problem(http.StatusNotFound, "not-found")
}

// TestUnknownReferencesMayArrive: if the product was just created, the problem tells the caller what to do.
func TestUnknownReferencesMayArrive(t *testing.T) {
	t.Parallel()
	s := setup(t)
	r := s.Post(entries, fmt.Sprintf(`{"product":"%s","market":"NL"}`, uuid.New()))
	r.Problem(http.StatusUnprocessableEntity, "unknown-reference")
	if n := strings.Count(r.Text, "may arrive in a moment"); n != 2 {
		t.Errorf("problem %s", r.Text)
	}
}

func TestDiscontinuedProductsEntries(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.Post(markets, netherlands).Must(http.StatusCreated)
	chair := s.product("Chair")
	path := s.createEntry(chair, "NL")
	if all := s.Get(entries + "?product=" + uuid.Nil.String()).Must(http.StatusOK).List(); len(all) != 0 {
		t.Errorf("%d entries without a product", len(all))
	}
	s.apply(state(chair, 2, "Chair", true))
	ended := s.Get(path).Must(http.StatusOK)
	if ended.Object()["availability_end_date"] != noon.Format("2006-01-02") || ended.Header("ETag") != `"2"` {
		t.Errorf("ended %s", ended.Text)
	}
	s.Patch(path, `{"availability_end_date":"2026-01-01"}`).Must(http.StatusOK) // shorter is allowed
	s.Delete(path).Must(http.StatusNoContent)
}

func TestTrailingSlash(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.Post(markets+"/", netherlands).Must(http.StatusCreated)
	chair := s.product("Chair")
	path := s.Post(entries+"/", fmt.Sprintf(`{"product":"%s","market":"NL"}`, chair)).Must(http.StatusCreated).Header("Location")
	s.Get(path + "/").Must(http.StatusOK)
	s.Get(entries + "/").Must(http.StatusOK)
	s.Patch(path+"/", `{"availability_date":"2026-03-01"}`).Must(http.StatusOK)
	s.Get(markets + "/NL/").Must(http.StatusOK)
	s.Get("/catalog/api/v1/products/?limit=5").Must(http.StatusOK)
	s.Get("/catalog/api/v1/products/" + chair.String() + "/").Must(http.StatusOK)
	s.Delete(path + "/").Must(http.StatusNoContent)
}
