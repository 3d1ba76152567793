//go:build !realkafka

package outbox

import (
	"context"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// TestDatabaseServerIsKnownToEveryRole: a role without privileges may read which server this is. If it may not, as in some
// managed databases, the server is unknown, and that is no error.
func TestDatabaseServerIsKnownToEveryRole(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, messagingMigrations())
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	for _, statement := range []string{`CREATE ROLE outbox_origin_test`, `SET LOCAL ROLE outbox_origin_test`} {
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	server, err := readDatabaseServer(t.Context(), tx)
	if err != nil || server.systemIdentifier == 0 || server.timeline < 1 {
		t.Errorf("server %+v, %v", server, err)
	}
	for _, statement := range []string{`RESET ROLE`, `REVOKE EXECUTE ON FUNCTION pg_control_system FROM public`, `SET LOCAL ROLE outbox_origin_test`} {
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	hidden, err := readDatabaseServer(t.Context(), tx)
	if err != nil || hidden.differsFrom(server) || server.differsFrom(hidden) {
		t.Errorf("server %+v, %v", hidden, err)
	}
	if promoted := (databaseServer{server.systemIdentifier, server.timeline + 1}); !promoted.differsFrom(server) {
		t.Error("a promoted server is not another one")
	}
}
