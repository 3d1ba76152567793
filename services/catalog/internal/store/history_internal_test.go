package store

import (
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/fill"
	"github.com/monsplit/monsplit/internal/testkit/servicetest"
	"github.com/monsplit/monsplit/services/catalog/internal/entry"
	"github.com/monsplit/monsplit/services/catalog/internal/market"
)

// A field of a market or an entry that the history lacks fails this test.
func TestHistoryHasEachField(t *testing.T) {
	t.Parallel()
	columns := fill.Internal{
		"Version": "has a column of its own", "CreatedAt": "is the time of the first version", "UpdatedAt": "has a column of its own",
	}
	servicetest.HistoryHas(t, fill.Of[market.Market](t, 0), marketState, columns)
	columns["ID"] = "is the key of the history"
	newDay := func(n int) entry.Date { return entry.DateOf(time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)) }
	servicetest.HistoryHas(t, fill.Of[entry.Entry](t, 0, newDay), entryState, columns)
}
