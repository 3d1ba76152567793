//go:build pgbouncer

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/testkit/pgbouncer"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// ignoring lets PgBouncer drop the settings of sessions silently, as many of its users advise.
const ignoring = "ignore_startup_parameters = statement_timeout, lock_timeout, idle_in_transaction_session_timeout, default_transaction_isolation, " +
	"synchronous_commit, plan_cache_mode, enable_seqscan, enable_bitmapscan, enable_hashjoin, enable_mergejoin, jit"

// refused runs "monolith serve" with settings that it must refuse at once, and returns what it prints.
func (s *system) refused(t *testing.T, env ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(binaries, "monolith"), "serve")
	cmd.Env = environment(append(s.env(s.monolithDB, "HTTP_ADDR=127.0.0.1:0", "LOG_FORMAT=text"), env...)...)
	r := finish(t, cmd)
	if r.code != 1 || ctx.Err() != nil {
		t.Errorf("%q: it does not refuse to start, code %d, %v:\n%s", env, r.code, ctx.Err(), r.stderr)
	}
	return r.stderr
}

// A service whose only way to the database is a pooler says so at once, and what to do. A pooler that drops the settings of sessions is
// noticed too.
func TestPgBouncerAloneIsRefused(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	honest, silent := pgbouncer.Start(t, s.monolithDB), pgbouncer.Start(t, s.monolithDB, ignoring)
	ofSessions := pgbouncer.Start(t, s.monolithDB, ignoring, "pool_mode = session")
	for name, env := range map[string][]string{
		"Honest":           {"DATABASE_URL=" + honest.URL(s.monolithDB)},
		"Silent":           {"DATABASE_URL=" + silent.URL(s.monolithDB)},
		"SessionMode":      {"DATABASE_URL=" + ofSessions.URL(s.monolithDB)},
		"WithoutMigration": {"DATABASE_URL=" + silent.URL(s.monolithDB), "MIGRATE_ON_START=false"},
		"BothPooled":       {"DATABASE_URL=" + honest.URL(s.monolithDB), "DATABASE_DIRECT_URL=" + silent.URL(s.monolithDB)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if said := s.refused(t, env...); !strings.Contains(said, "monolith: the URL leads through a connection pooler") || !strings.Contains(said, "DATABASE_DIRECT_URL") {
				t.Errorf("it says\n%s", said)
			}
		})
	}
	r := command(t, s.env(silent.URL(s.monolithDB)), "monolith", "outbox", "status")
	if r.code != 1 || !strings.Contains(r.stderr, "DATABASE_DIRECT_URL") {
		t.Errorf("a command: code %d\n%s", r.code, r.stderr)
	}
}

var advisedSQL = regexp.MustCompile(`ALTER ROLE CURRENT_USER SET [a-z_]+ = '[^']*';`)

// giveSettings starts the monolith through the pooler, does what it says, and returns the statements that it says to run.
func (s *system) giveSettings(t *testing.T, p *pgbouncer.Pooler) (statements []string) {
	t.Helper()
	said := s.refused(t, throughPooler(p, s.monolithDB)...)
	advice, _, _ := strings.Cut(said, "\nCause: ")
	statements = advisedSQL.FindAllString(advice, -1)
	if len(statements) == 0 {
		t.Fatalf("it says\n%s", said)
	}
	for _, statement := range statements {
		rows(t, s.monolithDB, statement)
	}
	p.Reconnect(s.monolithDB)
	return statements
}

// throughPooler are the settings for requests through the pooler, and everything else without it.
func throughPooler(p *pgbouncer.Pooler, direct string) []string {
	return []string{"DATABASE_URL=" + p.URL(direct), "DATABASE_DIRECT_URL=" + direct}
}

// A service refuses to start while the sessions of the pooler lack settings. What it says to do is enough.
func TestPgBouncerSessionsNeedSettings(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	s.monolithDB = pgtest.NewServer(t).NewURL() // the settings are those of a role, for all databases of its server
	pooler := pgbouncer.Start(t, s.monolithDB)
	rows(t, s.monolithDB, "ALTER ROLE CURRENT_USER SET synchronous_commit = on")
	advised := strings.Join(s.giveSettings(t, pooler), " ")
	for _, setting := range []string{"plan_cache_mode", "enable_seqscan", "lock_timeout"} {
		if !strings.Contains(advised, " "+setting+" = ") {
			t.Errorf("it does not say to set %s:\n%s", setting, advised)
		}
	}
	rows(t, s.monolithDB, "ALTER ROLE CURRENT_USER SET synchronous_commit = off")
	rows(t, s.monolithDB, "ALTER ROLE CURRENT_USER SET lock_timeout = '3s'") // an operator may choose another limit
	pooler.Reconnect(s.monolithDB)
	if again := s.giveSettings(t, pooler); !slices.Equal(again, []string{"ALTER ROLE CURRENT_USER SET synchronous_commit = 'on';"}) {
		t.Errorf("it says to run %q", again)
	}
	s.startMonolith(throughPooler(pooler, s.monolithDB)...)
}

// Requests would write into one database, and the relay would publish from another.
func TestPgBouncerOfAnotherDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	server, another := pgtest.NewServer(t), pgtest.NewServer(t)
	direct := server.NewURL()
	for name, pooled := range map[string]string{"AnotherServer": another.NewURL(), "AnotherDatabase": server.NewURL()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pooler := pgbouncer.Start(t, pooled)
			(&system{t: t, kafka: s.kafka, monolithDB: pooled}).giveSettings(t, pooler)
			said := s.refused(t, "DATABASE_URL="+pooler.URL(pooled), "DATABASE_DIRECT_URL="+direct)
			if !strings.Contains(said, "lead to different databases") {
				t.Errorf("it says\n%s", said)
			}
		})
	}
}

// Both services serve reads and writes through a pooler that lends two sessions, and all events flow.
func TestPgBouncerServesRequests(t *testing.T) {
	t.Parallel()
	s := prepare(t)
	server := pgtest.NewServer(t)
	s.monolithDB, s.catalogDB = server.NewURL(), server.NewURL()
	pooler := pgbouncer.Start(t, s.monolithDB)
	s.giveSettings(t, pooler) // both services have the same role here
	s.monolith = s.startMonolith(append(throughPooler(pooler, s.monolithDB), patientWrites...)...)
	s.catalog = s.startCatalog(throughPooler(pooler, s.catalogDB)...)
	before := map[string]int64{}
	for _, db := range []string{s.monolithDB, s.catalogDB} {
		before[db] = pooler.Transactions(db)
	}
	s.createMarket("DE")
	const clients, changes = 8, 10
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() { s.writeAndRead(t, fmt.Sprint("Client ", client), changes) })
	}
	wg.Wait()
	s.settled()
	for db, was := range before {
		if n := pooler.Transactions(db) - was; n < clients*changes {
			t.Errorf("only %d transactions went through the pooler", n)
		}
	}
	command(t, s.env(s.monolithDB, throughPooler(pooler, s.monolithDB)...), "monolith", "outbox", "status").ok(t)
}

// writeAndRead creates a product and its entry, changes the product, and reads each change.
func (s *system) writeAndRead(t *testing.T, name string, changes int) {
	product, err := try(t, http.MethodPost, s.monolith.url("/api/v1/product"), map[string]any{"name": name, "product_category": "Tests"},
		"Idempotency-Key", uuid.NewString())
	if err != nil || product.status != http.StatusCreated {
		t.Errorf("create: %s, %v", product.raw, err)
		return
	}
	at := s.monolith.url(fmt.Sprint("/api/v1/product/", product.object["id"]))
	for n := range changes {
		category := fmt.Sprint("Category ", n)
		changed, err := try(t, http.MethodPatch, at, map[string]any{"product_category": category})
		if err != nil || changed.status != http.StatusOK {
			t.Errorf("change: %s, %v", changed.raw, err)
		}
		read, err := try(t, http.MethodGet, at, nil)
		if err != nil || read.object["product_category"] != category {
			t.Errorf("read: %s, %v; want %s", read.raw, err, category)
		}
		if list, err := try(t, http.MethodGet, s.catalog.url("/catalog/api/v1/products?limit=5"), nil); err != nil || list.status != http.StatusOK {
			t.Errorf("list: %s, %v", list.raw, err)
		}
	}
	created, err := try(t, http.MethodPost, s.monolith.url("/api/v1/catalog"), map[string]any{
		"product": product.object["id"], "market": s.marketID("DE"), "availability_date": "2026-03-01"})
	if err != nil || created.status != http.StatusCreated {
		t.Errorf("create an entry: %s, %v", created.raw, err)
	}
}
