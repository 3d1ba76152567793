package adminmessages_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
)

// Every page and action of the section, also a new one, checks the session, the origin and the role. The tests of this package
// try each one.
func TestEveryRouteIsGuarded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var tried []admintest.Request
	for _, path := range append(b.pages(1), "/messages", "/messages/runs/1") {
		tried = append(tried, admintest.Request{Method: http.MethodGet, Path: path, Needs: account.Viewer})
	}
	for _, r := range b.actions(1) {
		path, _, _ := strings.Cut(r.path, "?")
		tried = append(tried, admintest.Request{Method: http.MethodGet, Path: path, Needs: r.needs}, admintest.Request{Method: http.MethodPost, Path: path, Needs: r.needs})
	}
	own := slices.DeleteFunc(slices.Clone(b.Routes), func(r adminui.PageRoute) bool { return !strings.HasPrefix(r.Path, "/messages") })
	admintest.CheckTried(t, own, tried)
	b.CheckGuarded()
}
