package entry_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/services/catalog/internal/entry"
)

func TestEndForProducts(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 23, 30, 0, 0, time.FixedZone("west of Greenwich", -3600)) // 2026-11-23 in UTC
	tests := map[string]struct {
		start, end string
		want       string // empty if it is unchanged
	}{
		"Open":            {"2026-03-01", "", "2026-03-01..2026-11-23"},
		"EndsLater":       {"2026-03-01", "2026-11-24", "2026-03-01..2026-11-23"},
		"EndsThatDay":     {"2026-03-01", "2026-11-23", ""},
		"HasEnded":        {"2026-03-01", "2026-11-22", ""},
		"Unscheduled":     {"", "", "..2026-11-23"},
		"BeginsThatDay":   {"2026-11-23", "", "2026-11-23..2026-11-23"},
		"BeginsLater":     {"2026-12-01", "", "2026-12-01..2026-12-01"},
		"LaterOneDay":     {"2026-12-01", "2026-12-01", ""},
		"LaterAndLonger":  {"2026-12-01", "2027-12-01", "2026-12-01..2026-12-01"},
		"UnscheduledEnds": {"", "2026-11-24", "..2026-11-23"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			old := stored(id, draft(chair, "NL", tt.start, tt.end), 3)
			other := stored(uuid.UUID{2}, draft(relic, "NL", "2026-03-01", ""), 1)
			service, store := setup(t, old, other)
			turned := map[uuid.UUID]time.Time{chair: at}
			for range 2 { // the second time, no entry is open
				err := store.InTx(t.Context(), func(tx entry.Tx) error { return service.EndForProducts(t.Context(), tx, turned) })
				check(t, err, "")
			}
			if store.rows[other.ID] != other {
				t.Errorf("the entry of another product became %+v", store.rows[other.ID])
			}
			if tt.want == "" {
				if store.rows[id] != old || len(store.events) != 0 {
					t.Errorf("stored %+v, announced %q", store.rows[id], store.announced())
				}
				return
			}
			if got := store.announced(); !slices.Equal(got, []string{"updated NL v4 " + tt.want}) {
				t.Errorf("announced %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDeleteForProducts(t *testing.T) {
	t.Parallel()
	service, store := setup(t,
		stored(uuid.UUID{2}, draft(chair, "NL", "", "2026-01-01"), 3), stored(id, draft(chair, "BE", "", ""), 1),
		stored(uuid.UUID{3}, draft(relic, "NL", "", ""), 1))
	for range 2 {
		err := store.InTx(t.Context(), func(tx entry.Tx) error {
			return service.DeleteForProducts(t.Context(), tx, map[uuid.UUID]time.Time{chair: now})
		})
		check(t, err, "")
	}
	if got := store.announced(); !slices.Equal(got, []string{"deleted BE v2 ..", "deleted NL v4 ..2026-01-01"}) {
		t.Errorf("announced %q", got)
	}
	live := slices.Collect(maps.Values(store.rows))
	live = slices.DeleteFunc(live, func(e entry.Entry) bool { return e.Deleted })
	if len(live) != 1 || live[0].Product != relic {
		t.Errorf("live: %+v", live)
	}
}
