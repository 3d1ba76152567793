package listplans

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/strictjson"
	"github.com/monsplit/monsplit/internal/testkit/manyrows"
)

// statement is what the service has executed: a SELECT, and the statement that began its transaction, if any.
type statement struct {
	begin, sql string
	args       []any
}

// recorder notes the statements of a pool.
type recorder struct {
	mu         sync.Mutex
	all        int // statements of any kind
	begin      string
	statements []statement
}

// TraceQueryStart implements pgx.QueryTracer.
func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all++
	switch firstWord(data.SQL) {
	case "begin":
		r.begin = data.SQL
	case "commit", "rollback":
		r.begin = ""
	case "select":
		r.statements = append(r.statements, statement{r.begin, data.SQL, data.Args})
	}
	return ctx
}

// firstWord returns the first keyword of a statement, after comments and parentheses.
func firstWord(sql string) string {
	for {
		sql = strings.TrimLeft(sql, "( \t\n")
		comment, rest, found := strings.Cut(sql, "\n")
		if !found || !strings.HasPrefix(comment, "--") {
			word, _, _ := strings.Cut(sql, " ")
			return strings.ToLower(word)
		}
		sql = rest
	}
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

// executed returns the number of statements so far.
func (r *recorder) executed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
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

// check fails the test if the statement reads more than most buffers, a large table as a whole, or one that has no rows in this test.
func (s statement) check(t *testing.T, cfg Config, most int, request string) {
	t.Helper()
	plan := s.explain(t, cfg.Pool)
	if read := plan.Hit + plan.Read; read > most {
		t.Errorf("%s reads %d buffers, more than %d:\n%s", request, read, most, plan)
	}
	plan.walk(func(n node) {
		switch {
		case n.Relation == "" || manyrows.Small[n.Relation] != "":
		case n.Type == "Seq Scan":
			t.Errorf("%s reads all of %s:\n%s", request, n.Relation, plan)
		case !slices.Contains(cfg.Tables, n.Relation):
			t.Errorf("%s reads %s, which is not in Tables:\n%s", request, n.Relation, plan)
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
