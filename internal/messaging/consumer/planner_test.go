package consumer_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A handler's statements are planned while its copy is empty, and the connection keeps the plan. When the copy has grown,
// the statements must still use its index.
func TestPlansDoNotDependOnAnEmptyCopy(t *testing.T) {
	t.Parallel()
	var plan string
	b := setup(t, wrap(func(ctx context.Context, _ int64, t *tx) error {
		rows, err := t.Query(ctx, `EXPLAIN (COSTS OFF) UPDATE thing_copy c SET name = u.name
			FROM (SELECT unnest($1::text[]) AS id, unnest($2::text[]) AS name) u WHERE c.id = u.id`, []string{"a"}, []string{"n"})
		if err != nil {
			return err
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		plan = strings.Join(lines, "\n")
		return err
	}))
	if _, err := b.pool.Exec(t.Context(), `VACUUM ANALYZE thing_copy`); err != nil {
		t.Fatal(err)
	}
	b.seed(0)
	b.handle(0, named("a", 1))
	if !strings.Contains(plan, "Index") || strings.Contains(plan, "Seq Scan") {
		t.Errorf("the copy is not found by its key:\n%s", plan)
	}
}
