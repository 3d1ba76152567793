package e2e

import (
	"embed"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	accesssql "github.com/monsplit/monsplit/sql/access"
	accountsql "github.com/monsplit/monsplit/sql/account"
	catalogsql "github.com/monsplit/monsplit/sql/catalog"
	historysql "github.com/monsplit/monsplit/sql/history"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
	monolithsql "github.com/monsplit/monsplit/sql/monolith"
)

// system has both services, a database for each service, and a broker between them.
type system struct {
	t                     *testing.T
	kafka                 *kafkatest.Broker
	monolithDB, catalogDB string // URLs
	monolith, catalog     *process
	writeTo               atomic.Value // string: the base URL of the monolith instance that write uses
}

const (
	productTopic = "monsplit.product.v1"
	entryTopic   = "monsplit.catalog-entry.v1"
	marketTopic  = "monsplit.market.v1"
	requestTopic = "monsplit.catalog-entry-request.v1"
	outcomeTopic = "monsplit.catalog-entry-outcome.v1"
)

var topics = []string{productTopic, entryTopic, marketTopic, requestTopic, outcomeTopic}

// newSystem starts both services on databases without data, and without topics.
func newSystem(t *testing.T) *system {
	t.Helper()
	s := prepare(t)
	s.monolith = s.startMonolith()
	s.catalog = s.startCatalog()
	return s
}

// prepare returns a system with databases without data and a broker without topics. It does not start the services. Their
// migrations are applied already, which takes a service about a second. TestAChangeArrives is the test with empty databases.
func prepare(t *testing.T) *system {
	t.Helper()
	return &system{t: t, kafka: kafkatest.NewPrefixed(t), monolithDB: migrated(t, monolithsql.Migrations), catalogDB: migrated(t, catalogsql.Migrations)}
}

// prepareEmpty is prepare, but the databases are empty.
func prepareEmpty(t *testing.T) *system {
	t.Helper()
	return &system{t: t, kafka: kafkatest.NewPrefixed(t), monolithDB: pgtest.NewURL(t), catalogDB: pgtest.NewURL(t)}
}

// migrated returns the URL of a new database with the schema of a service. If a migration is missing here, the service applies it.
func migrated(t *testing.T, service embed.FS) string {
	t.Helper()
	return pgtest.NewURL(t,
		postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
		postgres.Migrations{FS: accesssql.Migrations, Table: "goose_access"},
		postgres.Migrations{FS: accountsql.Migrations, Table: "goose_account"},
		postgres.Migrations{FS: historysql.Migrations, Table: "goose_history"},
		postgres.Migrations{FS: service, Table: "goose_service"})
}

func (s *system) startMonolith(env ...string) *process {
	s.t.Helper()
	p := start(s.t, "monolith", s.env(s.monolithDB, env...)...)
	s.writeTo.Store("http://" + p.addr)
	return p
}

func (s *system) startCatalog(env ...string) *process {
	s.t.Helper()
	return start(s.t, "catalog", s.env(s.catalogDB, env...)...)
}

func (s *system) env(database string, more ...string) []string {
	return append([]string{
		"DATABASE_URL=" + database, "KAFKA_BROKERS=" + s.kafka.Addr, "KAFKA_PREFIX=" + s.kafka.KafkaPrefix(), "KAFKA_REPLICATION_FACTOR=1",
		"KAFKA_MIN_INSYNC_REPLICAS=1", "VALIDATE_RESPONSES=true", "VALIDATE_EVENTS=true",
	}, more...)
}

// restart starts an ended service again, like a supervisor.
func (s *system) restart(p *process, database string) *process {
	s.t.Helper()
	next := start(s.t, p.name, append(s.env(database), "HTTP_ADDR="+p.addr)...)
	return next
}

// createProduct creates a product in the monolith and returns the answer.
func (s *system) createProduct(name string) map[string]any {
	s.t.Helper()
	return call(s.t, http.MethodPost, s.monolith.url("/api/v1/product"),
		map[string]any{"name": name, "product_category": "Tests"}).must(s.t, http.StatusCreated).object
}

func (s *system) createMarket(code string) {
	s.t.Helper()
	call(s.t, http.MethodPost, s.catalog.url("/catalog/api/v1/markets"),
		map[string]any{"iso_code": code, "name": "Market " + code}).must(s.t, http.StatusCreated)
}

// createEntry creates an entry in the catalog. It waits until the product has arrived there.
func (s *system) createEntry(product, market string) map[string]any {
	s.t.Helper()
	var r reply
	eventually(s.t, "product "+product+" can be listed", func() bool {
		r = call(s.t, http.MethodPost, s.catalog.url("/catalog/api/v1"), map[string]any{
			"product": product, "market": market, "availability_date": "2020-01-01"})
		return r.status != http.StatusUnprocessableEntity
	})
	return r.must(s.t, http.StatusCreated).object
}

// A pair has a query of an owned table and a query of its copy. When all events are applied, both must return the same rows
// (invariant 5).
type pair struct {
	model       string
	owner, copy func(*system) string
	owned, held string
}

var pairs = []pair{
	{
		"product", func(s *system) string { return s.monolithDB }, func(s *system) string { return s.catalogDB },
		`SELECT product_uuid::text, version, deleted,
			CASE WHEN NOT deleted THEN concat_ws('|', name, product_category, discontinued, updated_at) END FROM product ORDER BY 1`,
		`SELECT id::text, version, deleted,
			CASE WHEN NOT deleted THEN concat_ws('|', name, product_category, discontinued, updated_at) END
			FROM product_copy WHERE version > 0 ORDER BY 1`,
	},
	{
		"market", func(s *system) string { return s.catalogDB }, func(s *system) string { return s.monolithDB },
		`SELECT iso_code, version, deleted, CASE WHEN NOT deleted THEN concat_ws('|', name, updated_at) END FROM market ORDER BY 1`,
		`SELECT iso_code, version, deleted, CASE WHEN NOT deleted THEN concat_ws('|', name, updated_at) END
			FROM market_copy WHERE version > 0 ORDER BY 1`,
	},
	{
		"entry", func(s *system) string { return s.catalogDB }, func(s *system) string { return s.monolithDB },
		`SELECT id::text, version, deleted, CASE WHEN NOT deleted THEN
			concat_ws('|', product_uuid, market, availability_date, availability_end_date, updated_at) END FROM catalog_entry ORDER BY 1`,
		`SELECT id::text, version, deleted, CASE WHEN NOT deleted THEN
			concat_ws('|', product_uuid, market, availability_date, availability_end_date, updated_at) END
			FROM catalog_entry_copy WHERE version > 0 ORDER BY 1`,
	},
}

// settled waits until no event is pending and every copy equals its owner's table, row by row.
func (s *system) settled() {
	s.t.Helper()
	for _, db := range []string{s.monolithDB, s.catalogDB} {
		s.drained(db)
	}
	for _, p := range pairs {
		var owned, held []string
		equal := func() bool {
			owned, held = rows(s.t, p.owner(s), p.owned), rows(s.t, p.copy(s), p.held)
			return slices.Equal(owned, held)
		}
		eventually(s.t, p.model+" copies equal their owner's table", equal)
	}
	for _, db := range []string{s.monolithDB, s.catalogDB} {
		if conflicts := rows(s.t, db, `SELECT topic, key, version FROM copy_conflict`); len(conflicts) != 0 {
			s.t.Errorf("copies differ from the last event of their version: %q", conflicts)
		}
	}
}

// drained waits until no event is pending. Otherwise it shows the first pending events, and who holds their shards.
func (s *system) drained(db string) {
	s.t.Helper()
	empty := false
	defer func() {
		if !empty {
			s.t.Logf("pending: %q\nblocked: %q", rows(s.t, db, `SELECT shard, seq, topic, key, version, prev_seq, owner, epoch, i.name, l.beat
				FROM outbox_pending p JOIN outbox_lease l USING (topic, shard) LEFT JOIN outbox_instance i ON i.id = l.owner ORDER BY seq LIMIT 10`),
				rows(s.t, db, `SELECT topic, key, attempts, last_error FROM outbox_blocked LIMIT 10`))
		}
	}()
	eventually(s.t, "the outbox is empty", func() bool {
		empty = slices.Equal(rows(s.t, db, `SELECT count(*) FROM outbox_pending`), []string{"0"})
		return empty
	})
}
