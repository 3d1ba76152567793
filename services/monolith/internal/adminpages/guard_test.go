package adminpages_test

import "testing"

// Every page and action, also a new one, checks the session, the origin and the role.
func TestEveryRouteIsGuarded(t *testing.T) {
	t.Parallel()
	setup(t).CheckGuarded()
}
