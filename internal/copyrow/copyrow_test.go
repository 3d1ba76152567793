package copyrow_test

import (
	"testing"

	"github.com/monsplit/monsplit/internal/copyrow"
)

func TestTake(t *testing.T) {
	t.Parallel()
	version := func(v int64) copyrow.Change { return copyrow.Change{Version: v} }
	deletion, purge := copyrow.Change{Version: 5, Deleted: true}, copyrow.Change{Purged: true}
	tests := map[string]struct {
		row    copyrow.Row
		change copyrow.Change
		want   copyrow.Row
		taken  bool
	}{
		"First":             {copyrow.Row{}, version(1), copyrow.Row{Version: 1}, true},
		"FirstIsLater":      {copyrow.Row{}, version(7), copyrow.Row{Version: 7}, true},
		"Newer":             {copyrow.Row{Version: 4}, version(5), copyrow.Row{Version: 5}, true},
		"Gap":               {copyrow.Row{Version: 4}, version(9), copyrow.Row{Version: 9}, true},
		"Repeated":          {copyrow.Row{Version: 4}, version(4), copyrow.Row{Version: 4}, false},
		"Older":             {copyrow.Row{Version: 4}, version(3), copyrow.Row{Version: 4}, false},
		"Deleted":           {copyrow.Row{Version: 4}, deletion, copyrow.Row{Version: 5, Deleted: true}, true},
		"LateDeletion":      {copyrow.Row{Version: 6}, deletion, copyrow.Row{Version: 6}, false},
		"ComesBack":         {copyrow.Row{Version: 4, Deleted: true}, version(5), copyrow.Row{Version: 5}, true},
		"LateAfterDeletion": {copyrow.Row{Version: 4, Deleted: true}, version(3), copyrow.Row{Version: 4, Deleted: true}, false},
		"Purged":            {copyrow.Row{Version: 4}, purge, copyrow.Row{Version: 4, Deleted: true}, true},
		"PurgeOfStub":       {copyrow.Row{}, purge, copyrow.Row{}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row := tt.row
			if taken := row.Take(tt.change); taken != tt.taken || row != tt.want {
				t.Errorf("taken %t, row %+v; want %t, %+v", taken, row, tt.taken, tt.want)
			}
		})
	}
}
