package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/copyrow"
	"github.com/monsplit/monsplit/services/catalog/internal/productcopy"
)

const products = "/catalog/api/v1/products"

func TestProducts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	id := uuid.MustParse("0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35")
	s.apply(state(id, 3, "Rocking chair", false))
	r := s.Get(products + "/" + id.String()).Must(http.StatusOK)
	want := `{"discontinued":false,"name":"Rocking chair","product_category":"Furniture",` +
		`"product_uuid":"0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35","updated_at":"2026-11-23T12:00:00.000000Z","version":3}`
	if strings.TrimSpace(r.Text) != want || r.Header("ETag") != `"3"` {
		t.Errorf("product %s, ETag %s", r.Text, r.Header("ETag"))
	}
	s.Get(products+"/"+id.String(), "If-None-Match", `"3"`).Must(http.StatusNotModified)

	s.apply(state(id, 4, "Rocking chair", true), state(uuid.UUID{1}, 1, "Stool", false))
	for query, want := range map[string]string{
		"": "Stool", "include_discontinued=true": "Stool|Rocking chair", "include_discontinued=true&sort=name": "Rocking chair|Stool",
		"search=CHAIR": "", "search=CHAIR&include_discontinued=true": "Rocking chair", "product_category=Furniture": "Stool",
		"product_category=Tea": "",
	} {
		if got := s.Get(products + "?" + query).Must(http.StatusOK).Names("|"); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	s.apply(productcopy.ProductChange{ID: id, Change: copyrow.Change{Version: 5, Time: noon, Deleted: true}})
	gone := s.Get(products + "/" + id.String())
	gone.Problem(http.StatusNotFound, "not-found")
	if !strings.Contains(gone.Text, "may arrive in a moment") {
		t.Errorf("problem %s", gone.Text)
	}
	for name, tt := range map[string]refusal{
		"IDIsInvalid": {method: "GET", path: "/abc", status: 404, name: "not-found"},
		"BadQuery":    {method: "GET", path: "?limit=x&include_discontinued=perhaps", status: 422, name: "invalid", pointers: "/query/include_discontinued /query/limit"},
		"BadCursor":   {method: "GET", path: "?cursor=nonsense", status: 400, name: "malformed"},
		"Post":        {method: "POST", body: `{}`, status: 405, name: "method-not-allowed"},
		"Put":         {method: "PUT", path: "/" + id.String(), body: `{}`, status: 405, name: "method-not-allowed"},
		"Accept":      {method: "GET", headers: []string{"Accept", "text/csv"}, status: 406, name: "not-acceptable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.check(s.in(t), products)
		})
	}
}
