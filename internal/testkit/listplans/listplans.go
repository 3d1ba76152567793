// Package listplans shows that every list of an OpenAPI document and of the admin pages finds its rows by indexes: with each sort, with
// all combinations of filters, on the first page and on later ones, over tables with many rows and without statistics. It also
// shows this where nothing matches the filters, with statistics, and where nearly all rows are discontinued or deleted.
package listplans

import (
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/testkit/apitest"
	"github.com/monsplit/monsplit/internal/testkit/manyrows"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// rows is the number of rows in each table that can be large.
const rows = 100_000

// mostBuffers is the largest number of pages of 8 KiB that a page of 50 items may read. A sequential scan of the smallest of
// the tables reads more.
const mostBuffers = 1000

// Config says how to ask for the lists of a service.
type Config struct {
	Document []byte
	Pool     *pgxpool.Pool // of a database with the service's schema and no rows
	Tables   []string      // with many rows: all that the lists read. To fill the other tables too would take most of the test's time
	Prepare  string        // SQL that adds rows of small tables, which manyrows leaves alone; may be empty
	// Filters are values of the parameters that are texts or numbers. Something matches each of them. One that a list has and
	// Filters has not fails the test.
	Filters map[string]string
	// Unmatched are values of the same parameters that nothing matches.
	Unmatched map[string]string
	// Unindexed are targets of lists for which no index has the rows in the order of the list, and why. Such a list may read every
	// row. Its bound is the time-out of the statement, after which the answer is 503.
	Unindexed map[string]string
	// Serve starts the service on a pool.
	Serve func(*pgxpool.Pool) apitest.Client
}

// pass is one way to fill the tables and to ask.
type pass struct {
	name    string
	filters map[string]string
	prepare func() // may be nil
}

// Run asks for each list in all ways, and explains the statements that the service executes.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	manyrows.Fill(t, pgtest.URL(cfg.Pool), rows, cfg.Tables...)
	if _, err := cfg.Pool.Exec(t.Context(), cfg.Prepare); err != nil {
		t.Fatal(err)
	}
	s := &service{cfg: cfg, record: &recorder{}}
	s.api = cfg.Serve(open(t, cfg.Pool, func(config *pgxpool.Config) { config.ConnConfig.Tracer = s.record }))
	s.checkUnindexed(t)
	for _, first := range targets(t, cfg.Document, cfg.Filters) {
		s.checkHead(t, first)
		s.checkHead(t, withoutLimit(t, first)) // the whole list, in the APIs that have it
	}
	hide := func(column string) func() { return func() { manyrows.Hide(t, pgtest.URL(cfg.Pool), column) } }
	analyze := func() {
		if _, err := cfg.Pool.Exec(t.Context(), `ANALYZE`); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []pass{
		{"Matched", cfg.Filters, nil}, {"Unmatched", cfg.Unmatched, nil}, {"Discontinued", cfg.Filters, hide("discontinued")},
		{"Analyzed", cfg.Unmatched, analyze}, {"Deleted", cfg.Filters, func() { hide("deleted")(); analyze() }},
	} {
		if p.prepare != nil {
			p.prepare()
		}
		s.checkAll(t, p)
	}
}

// open returns a pool of the same database with another configuration.
func open(t *testing.T, pool *pgxpool.Pool, change func(*pgxpool.Config)) *pgxpool.Pool {
	t.Helper()
	config := pool.Config()
	change(config)
	opened, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	return opened
}

// service is the service under test.
type service struct {
	cfg    Config
	record *recorder
	api    apitest.Client
}

// checkAll asks for the first pages of each list, and for one in the middle.
func (s *service) checkAll(t *testing.T, p pass) {
	t.Helper()
	pages := 0
	check := func(path string) (next string) {
		pages++
		return s.check(t, p, path)
	}
	for _, first := range targets(t, s.cfg.Document, p.filters) {
		if next := check(first); next != "" {
			check(next)
			check(deep(t, next))
		}
	}
	t.Logf("%s: asked for %d pages", p.name, pages)
}

// check fails the test if the page reads more than it needs. It returns the path of the next page, or "".
func (s *service) check(t *testing.T, p pass, path string) (next string) {
	t.Helper()
	s.record.take()
	reply := s.api.Get(path).Must(http.StatusOK)
	statements := s.record.take()
	if len(statements) == 0 {
		t.Fatalf("GET %s executes no statement", path)
	}
	for _, statement := range statements {
		statement.check(t, s.cfg, mostBuffers, p.name+": GET "+path)
	}
	return reply.Next()
}

// checkHead fails the test if a HEAD executes any statement, even a BEGIN.
func (s *service) checkHead(t *testing.T, path string) {
	t.Helper()
	before := s.record.executed()
	s.api.Do(http.MethodHead, path, "").Must(http.StatusOK)
	if n := s.record.executed() - before; n != 0 {
		t.Errorf("HEAD %s executes %d statements", path, n)
	}
}

// checkUnindexed fails the test if a list that may read every row does not end by the time-out of its statement, or is read by an
// index after all.
func (s *service) checkUnindexed(t *testing.T) {
	t.Helper()
	if len(s.cfg.Unindexed) == 0 {
		return
	}
	hurried := s.cfg.Serve(open(t, s.cfg.Pool, func(config *pgxpool.Config) {
		config.ConnConfig.RuntimeParams["statement_timeout"] = "1ms"
	}))
	for target := range s.cfg.Unindexed {
		s.api.Get(target).Must(http.StatusOK)
		if hurried.Get(target).Must(http.StatusServiceUnavailable).Header("Retry-After") == "" {
			t.Errorf("GET %s: 503 without Retry-After", target)
		}
	}
}
