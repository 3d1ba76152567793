package monolith_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/access"
	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/monolith"
)

// historyOf returns the history of a product, a version a line, the oldest first.
func historyOf(t *testing.T, pool *pgxpool.Pool, key string) []string {
	t.Helper()
	versions, err := history.NewReader(pool).List(t.Context(), history.Object{Model: "product", Key: key}, history.Newest, 100)
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]string, len(versions))
	for i, v := range versions {
		line := fmt.Sprintf("%d %s", v.Version, v.Kind)
		for _, f := range v.Fields {
			line += fmt.Sprintf(" %s %v→%v", f.Name, f.Old, f.New)
		}
		lines[len(versions)-1-i] = line + ", by " + v.Actor.String() + " because of " + v.Cause
	}
	return lines
}

// Whatever changes a product is in its history, with who has changed it.
func TestHistoryOfAProduct(t *testing.T) {
	t.Parallel()
	var cfg monolith.Config
	s := start(t, "127.0.0.1:1", func(c *monolith.Config) {
		c.Access = access.Settings{Prefixes: []string{"/api/v1"}, Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
		cfg = *c
	})
	pool := pgtest.Open(t, cfg.Database.URL)
	_, secret, err := access.Create(t.Context(), pool, audit.Operator{By: "ann"}, access.Draft{
		Name: "shop", Scopes: []access.Scope{access.Read, access.Write}, ExpiresAt: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	// send sends a request with an id, and with the token unless the client is known by its address.
	send := func(id string, token bool, method, path, body string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.url+"/api/v1/product"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Request-Id", id)
		if method == http.MethodPatch {
			req.Header.Set("Content-Type", "application/merge-patch+json")
		}
		if token {
			req.Header.Set("Authorization", "Bearer "+secret)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode >= 400 {
			t.Fatalf("%s %s: %d %s, %v", method, path, res.StatusCode, text, err)
		}
		return string(text)
	}
	var created struct {
		ID   int64  `json:"id"`
		UUID string `json:"product_uuid"`
	}
	if err := json.Unmarshal([]byte(send("r-1", true, http.MethodPost, "", chair)), &created); err != nil {
		t.Fatal(err)
	}
	one := fmt.Sprintf("/%d", created.ID)
	send("r-2", false, http.MethodPut, one, `{"name":"<b>Sofa</b>","product_category":"Seats","discontinued":false}`)
	send("r-3", true, http.MethodPut, one, `{"name":"<b>Sofa</b>","product_category":"Seats","discontinued":false}`) // changes nothing
	send("r-4", true, http.MethodPatch, one, `{"discontinued":true}`)
	send("r-5", true, http.MethodPatch, one, `{"discontinued":false}`)

	target, err := monolith.OpenImport(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	in, err := bulkimport.Read("seats.csv", strings.NewReader("product_uuid,name,product_category\n"+created.UUID+",Stool,Seats\n"), bulkimport.CSV, target.Importers[0].Columns)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.Importers[0].Run(t.Context(), in, func(bulkimport.Progress) {}); err != nil {
		t.Fatal(err)
	}
	send("r-6", false, http.MethodDelete, one, "")
	want := []string{
		"1 created name <nil>→Chair product_category <nil>→Furniture, by token shop because of r-1",
		"2 updated name Chair→<b>Sofa</b> product_category Furniture→Seats, by address 127.0.0.1 because of r-2",
		"3 discontinued discontinued false→true, by token shop because of r-4",
		"4 updated discontinued true→false, by token shop because of r-5",
		"5 updated name <b>Sofa</b>→Stool, by import seats.csv because of ",
		"6 deleted deleted false→true, by address 127.0.0.1 because of r-6",
	}
	if got := historyOf(t, pool, created.UUID); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
