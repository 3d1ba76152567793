package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// The catalog's database comes back from a backup, while old and new programs change the catalog. Its requests and events of
// before are delivered again. In the end, the monolith's copies are equal to the catalog, and everything works as before.
func TestReassertTheCatalog(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolith, s.catalog = s.startMonolith(patientWrites...), s.startCatalog()
	for _, code := range []string{"BE", "DE"} {
		s.createMarket(code)
	}
	desk, chair := s.createProduct("Desk"), s.createProduct("Chair")
	kept := s.createEntry(desk["product_uuid"].(string), "BE")
	gone := s.createEntry(chair["product_uuid"].(string), "BE")
	s.settled()
	s.catalog.terminate()
	saved := backup(t, s.catalogDB)

	s.catalog = s.startCatalog()
	s.createMarket("NL")
	s.createEntry(desk["product_uuid"].(string), "NL")
	call(t, http.MethodPatch, s.ownerURL(kept["id"]), map[string]any{"availability_date": "2026-03-01"}).must(t, http.StatusOK)
	call(t, http.MethodDelete, s.ownerURL(gone["id"]), nil).must(t, http.StatusNoContent)
	legacy := s.place(chair, "DE")
	made := s.ask(http.MethodPost, s.legacyURL(), legacy.legacy(nil))
	s.became(made)
	s.patchProduct(chair, map[string]any{"discontinued": true})
	s.settled()

	s.catalog.terminate()
	s.catalogDB = saved
	s.catalog = s.startCatalog()
	eventually(t, "the catalog halts", func() bool {
		return len(rows(t, s.catalogDB, `SELECT shard FROM outbox_halt WHERE code = 'histories_parted'`)) > 0
	})
	call(t, http.MethodPatch, s.ownerURL(kept["id"]), map[string]any{"availability_end_date": "2026-09-01"}).must(t, http.StatusOK)
	r := command(t, s.env(s.catalogDB), "catalog", "outbox", "reassert", "--lost=recover", "--reason=restored").ok(t)
	t.Log(r.stdout)
	s.settled()
	got := rows(t, s.monolithDB, fmt.Sprintf(`SELECT concat_ws(' ', market, availability_date, availability_end_date)
		FROM catalog_entry_copy WHERE NOT deleted AND product_uuid = '%s' ORDER BY market`, desk["product_uuid"]))
	if want := []string{"BE 2020-01-01 2026-09-01", "NL 2020-01-01"}; !slices.Equal(got, want) {
		t.Errorf("the monolith has the desk in %q, want %q", got, want)
	}
	s.offer(s.place(desk, "DE"), nil)
	s.settled()
}
