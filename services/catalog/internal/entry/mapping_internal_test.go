package entry

import (
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/testkit/fill"
)

// TestPatchReachesEveryField: a field of a draft that no patch can change, or a field of a patch without effect, fails.
func TestPatchReachesEveryField(t *testing.T) {
	t.Parallel()
	patch := fill.Of[Patch](t, 0, newDate)
	apply := func(p Patch) Draft { return p.applied(Draft{}) }
	fill.Carried(t, "entry.Patch → applied → entry.Draft", patch, apply, nil)
	fill.Set(t, "entry.Patch → applied → entry.Draft", apply(patch), nil)
}

func newDate(n int) Date { return DateOf(time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)) }
