package postgres_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/testkit/manyrows"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/internal/testkit/services"
)

// readWhole are the statements that read a whole table, or its first rows in the order of an index, because their result needs
// it. So do all whose names begin with Count. All other statements find rows by conditions on an index.
var readWhole = map[string]string{
	"ListBlocked":      "for outbox status: the first 100 in the order of their next try",
	"PendingTopics":    "the first row of each topic",
	"DeleteOldChanges": "the oldest rows, in the order of the primary key",
	"NewestProduced":   "the newest rows, in the order of the primary key",
	"NewestConsumed":   "the newest rows, in the order of the primary key",
	"ForgetConsumed":   "the oldest rows, in the order of the primary key",
	"ClaimPending":     "it looks whether there is any blocked aggregate; the relay's own settings are tested there",
}

// PostgreSQL chooses a sequential scan for a table that was empty when it was analyzed, and sessions keep this plan. So on the
// pool's sessions every generated statement finds its rows by an index, also if its plan was made for empty tables.
func TestStatementsFindTheirRowsByAnIndex(t *testing.T) {
	t.Parallel()
	for _, service := range services.Names(t) {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t, messaging, tokens, past, schema(t, service))
			if _, err := pool.Exec(t.Context(), `VACUUM ANALYZE`); err != nil {
				t.Fatal(err)
			}
			conn, err := pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Release()
			statements := generatedStatements(t, service)
			check := func(withParameters bool) {
				for name, sql := range statements {
					if readWhole[name] != "" || strings.HasPrefix(name, "Count") || strings.Contains(sql, "$1") != withParameters {
						continue
					}
					explain(t, conn.Conn(), sql).walk(func(n planNode) {
						if fault := n.fault(); fault != "" {
							t.Errorf("%s: %s", name, fault)
						}
					})
				}
			}
			check(false) // PostgreSQL keeps the plan of a statement without parameters in any case
			manyrows.Fill(t, pgtest.URL(pool), 100_000)
			check(true)
		})
	}
}

// generatedStatements returns the statements that sqlc has generated for a service and for what all services share, by name.
func generatedStatements(t *testing.T, service string) map[string]string {
	t.Helper()
	statements := map[string]string{}
	for _, dir := range []string{"internal/messaging/db", "internal/idempotency/db", "internal/access/db", "internal/history/db", "services/" + service + "/internal/store/db"} {
		files, err := filepath.Glob(filepath.Join(services.Path(t, dir), "*.sql.gen.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", dir, len(files), err)
		}
		for _, file := range files {
			for _, sql := range constants(t, file) {
				name, _, found := strings.Cut(strings.TrimPrefix(sql, "-- name: "), " ")
				if found && strings.HasPrefix(sql, "-- name: ") {
					statements[name] = sql
				}
			}
		}
	}
	return statements
}

// constants returns the values of a file's text constants.
func constants(t *testing.T, file string) (values []string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if value, err := strconv.Unquote(literal.Value); err == nil {
				values = append(values, value)
			}
		}
		return true
	})
	return values
}

// planNode is a node of a plan, as EXPLAIN (FORMAT JSON) shows it.
type planNode struct {
	Type      string     `json:"Node Type"`
	Relation  string     `json:"Relation Name"`
	Index     string     `json:"Index Name"`
	Condition string     `json:"Index Cond"`
	Plans     []planNode `json:"Plans"`
}

func (n planNode) walk(visit func(planNode)) {
	visit(n)
	for _, below := range n.Plans {
		below.walk(visit)
	}
}

// fault returns why a node reads a table that can be large without a condition on an index, or "".
func (n planNode) fault() string {
	switch {
	case slices.Contains([]string{"Hash Join", "Merge Join", "Bitmap Heap Scan"}, n.Type):
		return "the plan has a " + n.Type + " " + n.Relation
	case n.Condition == "" && strings.HasSuffix(n.Type, "Scan") && n.canBeLarge():
		return strings.TrimSpace("the plan reads all of " + n.Relation + " by a " + n.Type + " " + n.Index)
	default:
		return ""
	}
}

// canBeLarge reports whether a node reads a table with many rows. Only the first partition of outbox_event has rows.
func (n planNode) canBeLarge() bool {
	return n.Relation != "" && manyrows.Small[n.Relation] == "" && (n.Relation == "outbox_event_0" || !strings.HasPrefix(n.Relation, "outbox_event_"))
}

// samples are arguments of statements, by type.
var samples = map[string]string{
	"uuid": "'00000000-0000-4000-8000-000000000007'", "text": "'v007'", "json": "'[]'", "bytea": "'v007'", "bigint": "7", "integer": "7", "smallint": "7",
	"boolean": "true", "jsonb": "'{}'", "date": "'2020-01-01'", "timestamp with time zone": "now()", "interval": "'1 hour'",
}

// sample returns an argument of a statement. An array has 500 elements, like a batch of a consumer.
func sample(t *testing.T, typ string) string {
	t.Helper()
	element, isArray := strings.CutSuffix(typ, "[]")
	value, found := samples[element]
	if !found {
		t.Fatalf("there is no sample of the type %s", typ)
	}
	if !isArray {
		return value
	}
	elements := make([]string, 500)
	for i := range elements {
		elements[i] = strings.Replace(value, "007'", fmt.Sprintf("%03d'", i), 1)
	}
	return "ARRAY[" + strings.Join(elements, ", ") + "]::" + typ
}

// explain returns the plan with which a session executes a statement.
func explain(t *testing.T, conn *pgx.Conn, sql string) planNode {
	t.Helper()
	ctx := t.Context()
	if _, err := conn.Prepare(ctx, "explained", sql); err != nil {
		t.Fatalf("%v:\n%s", err, sql)
	}
	var types []string
	if err := conn.QueryRow(ctx, `SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'explained'`).Scan(&types); err != nil {
		t.Fatal(err)
	}
	args := make([]string, len(types))
	for i, typ := range types {
		args[i] = sample(t, typ)
	}
	execute := "EXECUTE explained"
	if len(args) > 0 {
		execute += "(" + strings.Join(args, ", ") + ")"
	}
	var text []byte
	if err := conn.QueryRow(ctx, "EXPLAIN (FORMAT JSON) "+execute, pgx.QueryExecModeSimpleProtocol).Scan(&text); err != nil {
		t.Fatalf("%v:\n%s", err, sql)
	}
	var explained []struct{ Plan planNode }
	if err := json.Unmarshal(text, &explained); err != nil || len(explained) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	if err := conn.Deallocate(ctx, "explained"); err != nil {
		t.Fatal(err)
	}
	return explained[0].Plan
}
