package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// The copies of both services are compared with the logs. A damaged row is found, and repaired as docs/operations.md says.
func TestCopyVerify(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	command(t, s.env(s.monolithDB), "monolith", "import").ok(t)
	command(t, s.env(s.catalogDB), "catalog", "import", "--wait=60s").ok(t)
	off, gone := s.createProduct("Discontinued"), s.createProduct("Gone")
	call(t, http.MethodPatch, s.monolith.url(fmt.Sprint("/api/v1/product/", off["id"])), map[string]any{"discontinued": true}).must(t, http.StatusOK)
	call(t, http.MethodDelete, s.monolith.url(fmt.Sprint("/api/v1/product/", gone["id"])), nil).must(t, http.StatusNoContent)
	s.settled()
	appended := rows(t, s.catalogDB, `SELECT count(*) FROM outbox`)[0]
	products := rows(t, s.catalogDB, `SELECT count(*) FROM product_copy`)[0]
	if r := command(t, s.env(s.catalogDB), "catalog", "copy", "verify").ok(t); !contains(r.stdout, productTopic+"  "+products+"   0") {
		t.Errorf("%s products: %s", products, r.stdout)
	}
	if r := command(t, s.env(s.monolithDB), "monolith", "copy", "verify", "--json").ok(t); !contains(r.stdout, `"topic":"`+entryTopic) ||
		!contains(r.stdout, `"topic":"`+marketTopic) {
		t.Errorf("printed %s", r.stdout)
	}
	if again := rows(t, s.catalogDB, `SELECT count(*) FROM outbox`)[0]; again != appended {
		t.Errorf("the comparison has appended events: %s, before %s", again, appended)
	}

	id := off["product_uuid"].(string)
	db := pgtest.Open(t, s.catalogDB)
	for _, damage := range []string{`UPDATE product_copy SET name = 'damaged' WHERE id = $1`, `UPDATE product_copy SET version = version - 1 WHERE id = $1`} {
		if _, err := db.Exec(t.Context(), damage, id); err != nil {
			t.Fatal(err)
		}
		r := command(t, s.env(s.catalogDB), "catalog", "copy", "verify", "--topic="+productTopic)
		if r.code != 1 || !contains(r.stdout, productTopic+" "+id+`: name is "damaged" instead of "Discontinued"`) {
			t.Errorf("%+v", r)
		}
	}
	command(t, s.env(s.catalogDB), "catalog", "consumer", "reset", "--topic="+productTopic, "--to=start", "--reason=damaged").ok(t)
	s.settled()
	command(t, s.env(s.catalogDB), "catalog", "copy", "verify").ok(t)
}
