package store_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/testkit/manyrows"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
)

// A day with 200 entries is read by the index of days, and a day with more in the order of the list.
func TestListEntriesOfADay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	manyrows.Fill(t, pgtest.URL(b.pool), 450)
	if _, err := b.pool.Exec(t.Context(), `SET session_replication_role = replica;
		UPDATE catalog_entry SET availability_date = '2019-01-01', market = 'BB' WHERE id < '00000000-0000-4000-8000-0000000000c9';
		UPDATE catalog_entry SET availability_date = '2019-07-01' WHERE id = '00000000-0000-4000-8000-0000000000c9';
		RESET session_replication_role`); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		day, market string
		want        int
	}{
		"None":           {"2018-01-01", "", 0},
		"Few":            {"2019-06-01", "", 200},
		"FewOfTheMarket": {"2019-06-01", "BB", 200},
		"NotTheMarket":   {"2019-06-01", "AA", 0},
		"More":           {"2019-07-01", "", 201},
		"MoreOfAMarket":  {"2019-07-01", "AA", 1},
		"All":            {"2020-01-01", "", 450},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, desc := range []bool{false, true} {
				q := entry.Query{AvailableOn: date(tt.day), Market: tt.market, Limit: 70, Sort: entry.Sort{By: entry.ByUpdatedAt, Desc: desc}}
				seen := map[uuid.UUID]bool{}
				for n := -1; n < len(seen); {
					n = len(seen)
					for e, err := range b.entries.List(t.Context(), q) {
						if err != nil {
							t.Fatal(err)
						}
						seen[e.ID] = true
						q.After = new(q.Sort.PositionOf(e))
					}
				}
				if len(seen) != tt.want {
					t.Errorf("descending %t: %d entries, want %d", desc, len(seen), tt.want)
				}
			}
		})
	}
}
