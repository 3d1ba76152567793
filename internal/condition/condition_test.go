package condition_test

import (
	"testing"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/condition"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		match condition.Match
		stale bool
	}{
		"Any":   {nil, false},
		"None":  {condition.Match{}, true},
		"Equal": {condition.Match{3}, false},
		"Among": {condition.Match{2, 3}, false},
		"Other": {condition.Match{2, 4}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.match.Check("product", 3)
			if (err != nil) != tt.stale || err != nil && (apperr.KindOf(err) != apperr.Stale || err.Error() != "The product is now at version 3.") {
				t.Errorf("got %v", err)
			}
		})
	}
}
