package access_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/access"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	network := func(text string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(text)} }
	for name, tt := range map[string]struct {
		settings access.Settings
		want     string // the variable with a fault
	}{
		"Off":        {access.Settings{}, ""},
		"On":         {access.Settings{Prefixes: []string{"/", "/api/v1/"}, Networks: network("10.0.0.0/8"), Rate: 1, Burst: 1}, ""},
		"NoSlash":    {access.Settings{Prefixes: []string{"api"}}, "ACCESS_PREFIXES"},
		"Empty":      {access.Settings{Prefixes: []string{""}}, "ACCESS_PREFIXES"},
		"Encoded":    {access.Settings{Prefixes: []string{"/api%2Fv1"}}, "ACCESS_PREFIXES"},
		"Pattern":    {access.Settings{Prefixes: []string{"/api/*"}}, "ACCESS_PREFIXES"},
		"Everybody":  {access.Settings{Networks: network("0.0.0.0/0")}, "ACCESS_NETWORKS"},
		"Everybody6": {access.Settings{Networks: network("::/0")}, "ACCESS_NETWORKS"},
		"BelowZero":  {access.Settings{Rate: -1}, "ACCESS_TOKEN_RATE"},
		"NoBurst":    {access.Settings{Rate: 1}, "ACCESS_TOKEN_BURST"},
		"NoLimit":    {access.Settings{Rate: 0, Burst: 0}, ""},
	} {
		var faults []string
		tt.settings.Validate(func(ok bool, variable, detail string, args ...any) {
			if !ok {
				faults = append(faults, variable+" "+fmt.Sprintf(detail, args...))
			}
		})
		if text := strings.Join(faults, "\n"); (text == "") != (tt.want == "") || !strings.HasPrefix(text, tt.want) || strings.Contains(text, "%!") {
			t.Errorf("%s: %q, want %q", name, text, tt.want)
		}
	}
}
