package postgres_test

import (
	"slices"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/keyset"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// A page shows the counts that are known in a short time.
func TestCounts(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	count := func(from string, most int) keyset.Statement {
		var q keyset.Query
		return q.Count("FROM "+from, most)
	}
	quick := []keyset.Statement{count("generate_series(1, 20)", 5), count("generate_series(1, 3)", 5)}
	got, err := postgres.Counts(t.Context(), pool, quick)
	for deadline := time.Now().Add(time.Minute); err == nil && got == nil && time.Now().Before(deadline); { // on a busy machine
		got, err = postgres.Counts(t.Context(), pool, quick)
	}
	if err != nil || !slices.Equal(got, []int{5, 3}) {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = postgres.Counts(t.Context(), pool, []keyset.Statement{count("generate_series(1, 3)", 5), count("pg_sleep(60)", 5)})
	if err != nil || len(got) > 1 || len(got) == 1 && got[0] != 3 {
		t.Errorf("the second one is too slow: %v, %v", got, err)
	}
	many := slices.Repeat([]keyset.Statement{count("generate_series(1, 3)", 5)}, 30)
	for deadline := time.Now().Add(time.Minute); len(got) < len(many) && time.Now().Before(deadline); {
		if got, err = postgres.Counts(t.Context(), pool, many); err != nil || len(slices.Compact(slices.Clone(got))) > 1 {
			t.Fatalf("many: %v, %v", got, err)
		}
	}
	if len(got) != len(many) {
		t.Errorf("%d of %d counts", len(got), len(many))
	}
	slow := slices.Repeat([]keyset.Statement{count("pg_sleep(0.05)", 5)}, 100)
	if got, err = postgres.Counts(t.Context(), pool, slow); err != nil || len(got) >= len(slow) {
		t.Errorf("there is no bound on the time of all: %d, %v", len(got), err)
	}
	if _, err = postgres.Counts(t.Context(), pool, []keyset.Statement{count("nothing", 5)}); err == nil {
		t.Error("no error for a table that does not exist")
	}
}
