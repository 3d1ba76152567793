//go:build !realkafka

package e2e

// Maintenance works on the database. So this test runs with make test alone.

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// The role of a service may not create tables, so no room is made for new events. The service says so long before it is full,
// and still works. The command maintain, as the role that owns the tables, makes room.
func TestMaintainAsAnotherRole(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.catalogDB = pgtest.NewServer(t).NewURL()           // roles belong to all databases of a server
	if code := s.startCatalog().terminate(); code != 0 { // it has brought the schema up to date
		t.Fatalf("exit code %d", code)
	}
	for _, statement := range []string{
		`CREATE ROLE limited LOGIN`, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO limited`,
		`GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO limited`, `SELECT setval('outbox_seq', 5000000)`,
	} {
		rows(t, s.catalogDB, statement)
	}
	limited, err := url.Parse(s.catalogDB)
	if err != nil {
		t.Fatal(err)
	}
	limited.User = url.User("limited")
	serve := func() {
		t.Helper()
		s.catalog = start(t, "catalog", s.env(limited.String(), "MIGRATE_ON_START=false")...)
	}
	ready := func(want string) func() bool {
		return func() bool { return strings.Contains(call(t, http.MethodGet, s.catalog.url("/readyz"), nil).raw, want) }
	}
	serve()
	eventually(t, "/readyz says that no room can be made", ready(`"name":"maintenance","status":"degraded","detail":"the maintenance of the outbox fails: the database reports SQLSTATE 42501`))
	eventually(t, "/readyz says that there is little room", ready(`room: it needs attention`))
	little := s.catalog.metric("monsplit_outbox_room")
	if little <= 0 || little > 4_000_000 {
		t.Errorf("the metric is %.0f", little)
	}
	s.createMarket("DE")

	refused := command(t, s.env(limited.String()), "catalog", "maintain")
	if refused.code != 1 || !strings.Contains(refused.stderr, "outbox_event_") {
		t.Errorf("as the service's role: %+v", refused)
	}
	command(t, s.env(s.catalogDB), "catalog", "maintain").ok(t)
	s.catalog.terminate()
	serve() // looks at once, and not only after a while
	eventually(t, "the metric shows the new room", func() bool { return s.catalog.metric("monsplit_outbox_room") > 8_000_000 })
	s.createMarket("NL")
	eventually(t, "/readyz says that all is well", ready(`"name":"maintenance","status":"ok"`))
}
