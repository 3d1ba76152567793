// Package listplans shows that every list that an OpenAPI document describes finds its rows by indexes: with each sort, with
// all combinations of filters, on the first page and on the next, over tables with many rows and without statistics.
package listplans

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/strictjson"
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
	Prepare  string        // SQL that adds rows of small tables, which manyrows leaves alone; may be empty
	// Filters are values of the parameters that are texts or numbers. Something matches each of them. One that a list has and
	// Filters has not fails the test.
	Filters map[string]string
	// Serve starts the service on a pool.
	Serve func(*pgxpool.Pool) apitest.Client
}

// Run asks for each list in all ways, and explains the statements that the service executes.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	ctx := t.Context()
	manyrows.Fill(t, pgtest.URL(cfg.Pool), rows)
	if _, err := cfg.Pool.Exec(ctx, cfg.Prepare); err != nil {
		t.Fatal(err)
	}
	record := &recorder{}
	config := cfg.Pool.Config()
	config.ConnConfig.Tracer = record
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	api := cfg.Serve(pool)
	pages := 0
	check := func(path string) (next string) {
		record.take()
		reply := api.Get(path).Must(http.StatusOK)
		statements := record.take()
		if len(statements) == 0 {
			t.Fatalf("GET %s executes no statement", path)
		}
		for _, s := range statements {
			s.check(t, cfg.Pool, path)
		}
		pages++
		return reply.Next()
	}
	for _, first := range targets(t, cfg) {
		if next := check(first); next != "" {
			check(next)
			check(deep(t, next))
		}
	}
	t.Logf("asked for %d pages", pages)
}

// deepID are the positions of the ids in the middle of the tables, as an integer and as the end of a UUID.
var deepID = []string{fmt.Sprint(rows / 2), fmt.Sprintf("%012x", rows/2)}

// idOfPosition is the id in a cursor: an integer, or a UUID of manyrows.
var idOfPosition = regexp.MustCompile(`"ID":(\d+|"00000000-0000-4000-8000-)[0-9a-f]*`)

// deep returns the path of the page that begins with the item in the middle of the table, or, if many items are equal in the
// order, in the middle of those. It changes the cursor in the path of a next page.
func deep(t *testing.T, next string) string {
	t.Helper()
	target, err := url.Parse(next)
	if err != nil {
		t.Fatal(err)
	}
	query := target.Query()
	cursor, err := base64.RawURLEncoding.DecodeString(query.Get("cursor"))
	if err != nil {
		t.Fatal(err)
	}
	changed := idOfPosition.ReplaceAllStringFunc(string(cursor), func(id string) string {
		if prefix, isUUID := strings.CutSuffix(id, id[max(0, len(id)-12):]); isUUID && strings.Contains(id, "-") {
			return prefix + deepID[1]
		}
		return `"ID":` + deepID[0]
	})
	query.Set("cursor", base64.RawURLEncoding.EncodeToString([]byte(changed)))
	target.RawQuery = query.Encode()
	return target.String()
}

// targets returns the path and query of each list, with each combination of its parameters.
func targets(t *testing.T, cfg Config) (all []string) {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(cfg.Document)
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range document.Paths.Map() {
		if item.Get == nil || item.Get.Parameters.GetByInAndName(openapi3.ParameterInQuery, "cursor") == nil {
			continue
		}
		queries := []url.Values{{"limit": {"50"}}}
		for _, p := range item.Get.Parameters {
			if p.Value.In == openapi3.ParameterInQuery && p.Value.Name != "limit" && p.Value.Name != "cursor" {
				queries = combine(queries, p.Value.Name, append(values(t, cfg, p.Value), ""))
			}
		}
		for _, q := range queries {
			all = append(all, path+"?"+q.Encode())
		}
	}
	if len(all) == 0 {
		t.Fatal("the document describes no list")
	}
	slices.Sort(all)
	return all
}

// values returns the values with which a parameter is tried.
func values(t *testing.T, cfg Config, p *openapi3.Parameter) (texts []string) {
	t.Helper()
	schema := p.Schema.Value
	for _, one := range schema.Enum {
		texts = append(texts, fmt.Sprint(one))
	}
	switch value, given := cfg.Filters[p.Name]; {
	case len(texts) > 0:
	case given:
		texts = []string{value}
	case schema.Type.Is(openapi3.TypeBoolean):
		texts = []string{"true"}
	default:
		t.Fatalf("Filters has no value for the parameter %s", p.Name)
	}
	return texts
}

// combine returns each query with each value. An empty value leaves the parameter out.
func combine(queries []url.Values, name string, values []string) (all []url.Values) {
	for _, q := range queries {
		for _, value := range values {
			combined := url.Values{}
			for k, v := range q {
				combined[k] = v
			}
			if value != "" {
				combined.Set(name, value)
			}
			all = append(all, combined)
		}
	}
	return all
}

// statement is what the service has executed: a SELECT, and the statement that began its transaction, if any.
type statement struct {
	begin, sql string
	args       []any
}

// recorder notes the statements of a pool.
type recorder struct {
	mu         sync.Mutex
	begin      string
	statements []statement
}

// TraceQueryStart implements pgx.QueryTracer.
func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(data.SQL)), " "); word {
	case "begin":
		r.begin = data.SQL
	case "commit", "rollback":
		r.begin = ""
	case "select":
		r.statements = append(r.statements, statement{r.begin, data.SQL, data.Args})
	}
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (r *recorder) take() []statement {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.statements
	r.statements = nil
	return taken
}

// node is a node of a plan, as EXPLAIN (FORMAT JSON) shows it.
type node struct {
	Type      string `json:"Node Type"`
	Relation  string `json:"Relation Name"`
	Index     string `json:"Index Name"`
	Condition string `json:"Index Cond"`
	Hit       int    `json:"Shared Hit Blocks"`
	Read      int    `json:"Shared Read Blocks"`
	Plans     []node `json:"Plans"`
}

// check fails the test if the statement reads a large table as a whole.
func (s statement) check(t *testing.T, pool *pgxpool.Pool, path string) {
	t.Helper()
	plan := s.explain(t, pool)
	if read := plan.Hit + plan.Read; read > mostBuffers {
		t.Errorf("GET %s reads %d buffers, more than %d:\n%s", path, read, mostBuffers, plan)
	}
	plan.walk(func(n node) {
		if n.Type == "Seq Scan" && manyrows.Small[n.Relation] == "" {
			t.Errorf("GET %s reads all of %s:\n%s", path, n.Relation, plan)
		}
	})
}

// String returns the nodes in short.
func (n node) String() string {
	below := make([]string, len(n.Plans))
	for i, p := range n.Plans {
		below[i] = p.String()
	}
	text := strings.TrimSpace(fmt.Sprintf("%s %s %s %s", n.Type, n.Relation, n.Index, n.Condition))
	if len(below) == 0 {
		return text
	}
	return text + " (" + strings.Join(below, ", ") + ")"
}

func (n node) walk(visit func(node)) {
	visit(n)
	for _, below := range n.Plans {
		below.walk(visit)
	}
}

// explain executes the statement in the same way as the service, and returns its plan.
func (s statement) explain(t *testing.T, pool *pgxpool.Pool) node {
	t.Helper()
	ctx := t.Context()
	var text []byte
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: s.begin})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it has changed nothing
	if err := tx.QueryRow(ctx, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+s.sql, s.args...).Scan(&text); err != nil {
		t.Fatalf("%v:\n%s", err, s.sql)
	}
	var explained []struct{ Plan node }
	if err := strictjson.Unmarshal(text, &explained); err != nil || len(explained) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	return explained[0].Plan
}
