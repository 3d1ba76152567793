package catalogchange_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/monsplit/monsplit/services/monolith/internal/catalogchange"
	"github.com/monsplit/monsplit/services/monolith/internal/catalogcopy"
)

// A refusal is settled by a later request for the same product and market that was carried out. No other request settles it.
func TestUnsettled(t *testing.T) {
	t.Parallel()
	request := func(product, market int64, minute int, kind catalogchange.Kind) catalogchange.Request {
		r := catalogchange.Request{Wanted: catalogcopy.Entry{Product: product, Market: market}, CreatedAt: noon.Add(time.Duration(minute) * time.Minute)}
		if kind != "" {
			r.Outcome = &catalogchange.Outcome{Kind: kind}
		}
		return r
	}
	for name, tt := range map[string]struct {
		of    catalogchange.Kind
		other catalogchange.Request
		want  int
	}{
		"accepted later":  {catalogchange.Refused, request(1, 2, 6, catalogchange.Accepted), 0},
		"unchanged later": {catalogchange.Expired, request(1, 2, 6, catalogchange.Unchanged), 0},
		"accepted before": {catalogchange.Refused, request(1, 2, 4, catalogchange.Accepted), 1},
		"refused later":   {catalogchange.Refused, request(1, 2, 6, catalogchange.Refused), 1},
		"pending later":   {catalogchange.Refused, request(1, 2, 6, ""), 1},
		"another product": {catalogchange.Refused, request(2, 2, 6, catalogchange.Accepted), 1},
		"another market":  {catalogchange.Refused, request(1, 1, 6, catalogchange.Accepted), 1},
		"pending itself":  {"", request(1, 2, 6, catalogchange.Accepted), 1},
	} {
		b := setup(t, catalogchange.Config{}, nil)
		asked := []catalogchange.Request{request(1, 2, 5, tt.of)}
		b.requests = []catalogchange.Request{tt.other, asked[0]}
		got, err := b.Unsettled(t.Context(), slices.Clone(asked))
		if err != nil || len(got) != tt.want {
			t.Errorf("%s: %d are left, want %d, %v", name, len(got), tt.want, err)
		}
	}
	b := setup(t, catalogchange.Config{}, nil)
	b.err = errors.New("no database")
	if _, err := b.Unsettled(t.Context(), []catalogchange.Request{request(1, 2, 5, catalogchange.Refused)}); !errors.Is(err, b.err) {
		t.Errorf("got %v", err)
	}
}
