package adminui_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/audit"
)

// Users change their own password. Their other sessions end, and this one goes on.
func TestChangePassword(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b, elsewhere := s.signedIn("vic"), s.signedIn("vic")
	was := s.passwords["vic"]
	for name, tt := range map[string]struct{ was, password, again, want string }{
		"wrong":     {"guess", "correct horse battery", "correct horse battery", "This is not your password."},
		"short":     {was, "pass", "pass", "at least 12 characters"},
		"different": {was, "correct horse battery", "correct horse batterx", "not the same"},
	} {
		a := b.post("/password", "was", tt.was, "password", tt.password, "again", tt.again)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, tt.want) || strings.Contains(a.body, "correct horse") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	a := b.post("/password", "was", was, "password", "correct horse battery", "again", "correct horse battery")
	if a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if shown := b.get("/password"); shown.status != http.StatusOK || !strings.Contains(shown.body, "Your password is changed.") {
		t.Errorf("%d %s", shown.status, shown.body)
	}
	if again := b.get("/password"); strings.Contains(again.body, "Your password is changed.") {
		t.Error("the note is shown twice")
	}
	if a := elsewhere.get(""); a.status != http.StatusSeeOther {
		t.Errorf("the other session goes on: %d", a.status)
	}
	if a := s.browser().signIn("vic", was); a.status != http.StatusUnprocessableEntity {
		t.Errorf("the old password: %d", a.status)
	}
	if a := s.browser().signIn("vic", "correct horse battery"); a.status != http.StatusSeeOther {
		t.Errorf("the new password: %d", a.status)
	}
}

// An admin creates a user, changes the role, resets the password, and disables and enables the user. The audit names the admin.
func TestManageUsers(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("admin")
	first := b.shownPassword(b.post("/users", "name", "bob", "role", "editor"))
	if list := b.get("/users"); !strings.Contains(list.body, `<a href="/admin/users/bob">bob</a>`) || strings.Contains(list.body, first) {
		t.Errorf("%s", list.body)
	}
	second := b.shownPassword(b.post("/users/bob/reset-password"))
	if s.browser().signIn("bob", first).status == http.StatusSeeOther || s.browser().signIn("bob", second).status != http.StatusSeeOther {
		t.Error("the reset did not replace the password")
	}
	for _, tt := range []struct{ path, shows string }{
		{"/users/bob/role", "The role is changed."}, {"/users/bob/disable", "The user is disabled"}, {"/users/bob/enable", "The user is enabled."},
	} {
		if a := b.post(tt.path, "role", "admin"); a.status != http.StatusSeeOther || a.to() != "/admin/users/bob" {
			t.Errorf("%s: %d to %s", tt.path, a.status, a.to())
		}
		if a := b.get("/users/bob"); !strings.Contains(a.body, tt.shows) {
			t.Errorf("%s: %s", tt.path, a.body)
		}
	}
	actions, err := audit.List(t.Context(), s.pool, audit.Filter{Limit: 5})
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for _, a := range actions {
		commands = append(commands, a.By+" "+strings.TrimPrefix(a.Command, "admin user "))
	}
	if got := strings.Join(commands, ", "); got != "admin enable, admin disable, admin change-role, admin reset-password, admin create" {
		t.Errorf("the audit has %s", got)
	}
}

func TestRefusedChangesOfUsers(t *testing.T) {
	t.Parallel()
	s := setup(t, "")
	b := s.signedIn("admin")
	for name, tt := range map[string]struct {
		path   string
		form   []string
		status int
		want   string
	}{
		"a name with markup":  {"/users", []string{"name", "<b>bob</b>", "role", "viewer"}, 422, `value="&lt;b&gt;bob&lt;/b&gt;"`},
		"a name that exists":  {"/users", []string{"name", "vic", "role", "viewer"}, 422, "already"},
		"an unknown role":     {"/users", []string{"name", "bob", "role", "owner"}, 422, "is not a role"},
		"another role":        {"/users/vic/role", []string{"role", "owner"}, 422, "is not a role"},
		"the last admin":      {"/users/admin/disable", nil, 409, "the last enabled admin"},
		"a viewer as admin":   {"/users/admin/role", []string{"role", "viewer"}, 409, "the last enabled admin"},
		"a user that is none": {"/users/nobody/disable", nil, 404, "There is no such user"},
		"a NUL as user":       {"/users/%00/disable", nil, 404, "There is no such user"},
		"a form with a fault": {"/users?a;b", []string{"name", "a%zz"}, 422, ""},
	} {
		if a := b.post(tt.path, tt.form...); a.status != tt.status || !strings.Contains(a.body, tt.want) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}
