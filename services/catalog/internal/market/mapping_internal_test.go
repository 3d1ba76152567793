package market

import (
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/fill"
)

// TestPatchReachesEveryField: a field of a draft that no patch can change, or a field of a patch without effect, fails.
func TestPatchReachesEveryField(t *testing.T) {
	t.Parallel()
	patch := fill.Of[Patch](t, 0)
	apply := func(p Patch) Draft { return p.applied(Draft{}) }
	fill.Carried(t, "market.Patch → applied → market.Draft", patch, apply, nil)
	fill.Set(t, "market.Patch → applied → market.Draft", apply(patch), nil)
}
