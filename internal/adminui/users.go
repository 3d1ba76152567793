package adminui

import (
	"context"
	"errors"
	"net/http"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/messaging/audit"
)

// usersPage is the data of the page with all users.
type usersPage struct {
	Users []account.User
	Roles []account.Role
	Name  string // what was typed
	Role  account.Role
	Fault string
}

// userPage is the data of the page of one user.
type userPage struct {
	User  account.User
	Roles []account.Role
	Fault string
}

// secretPage is the data of the page that shows a new password.
type secretPage struct {
	User     account.User
	Password string
}

func (s *site) users(v visit) error {
	return s.showUsers(v, http.StatusOK, usersPage{Role: account.Viewer})
}

func (s *site) showUsers(v visit, status int, p usersPage) error {
	users, err := s.Users.List(v.r.Context())
	if err != nil {
		return err
	}
	p.Users, p.Roles = users, account.Roles
	s.render(v.w, v.r, &v.user, status, "users", p)
	return nil
}

func (s *site) createUser(v visit) error {
	p := usersPage{Name: v.r.PostForm.Get("name"), Role: account.Role(v.r.PostForm.Get("role"))}
	role, err := account.ParseRole(string(p.Role))
	if err != nil {
		p.Fault = sentence(err)
		return s.showUsers(v, http.StatusUnprocessableEntity, p)
	}
	user, password, err := s.Users.Create(v.r.Context(), by(v), p.Name, role)
	for _, refused := range []error{account.ErrName, account.ErrExists, account.ErrFull} {
		if errors.Is(err, refused) {
			p.Fault = sentence(refused)
			return s.showUsers(v, http.StatusUnprocessableEntity, p)
		}
	}
	if err != nil {
		return err
	}
	s.render(v.w, v.r, &v.user, http.StatusOK, "secret", secretPage{user, password})
	return nil
}

func (s *site) user(v visit) error { return s.showUser(v, http.StatusOK, "") }

func (s *site) showUser(v visit, status int, fault string) error {
	user, err := s.Users.Find(v.r.Context(), v.r.PathValue("name"))
	if err != nil {
		return err
	}
	s.render(v.w, v.r, &v.user, status, "user", userPage{User: user, Roles: account.Roles, Fault: fault})
	return nil
}

func (s *site) resetPassword(v visit) error {
	name, err := s.named(v)
	if err != nil {
		return err
	}
	user, password, err := s.Users.ResetPassword(v.r.Context(), by(v), name)
	if err != nil {
		return err
	}
	s.render(v.w, v.r, &v.user, http.StatusOK, "secret", secretPage{user, password})
	return nil
}

func (s *site) setRole(v visit) error {
	role, err := account.ParseRole(v.r.PostForm.Get("role"))
	if err != nil {
		return s.showUser(v, http.StatusUnprocessableEntity, sentence(err))
	}
	return s.change(v, "The role is changed.", func(ctx context.Context, by audit.Operator, name string) (account.User, error) {
		return s.Users.SetRole(ctx, by, name, role)
	})
}

func (s *site) disableUser(v visit) error {
	return s.change(v, "The user is disabled, and signed out everywhere.", s.Users.Disable)
}

func (s *site) enableUser(v visit) error {
	return s.change(v, "The user is enabled.", s.Users.Enable)
}

// change changes the user that the address names, and leads back to the user's page.
func (s *site) change(v visit, note string, do func(context.Context, audit.Operator, string) (account.User, error)) error {
	name, err := s.named(v)
	if err != nil {
		return err
	}
	user, err := do(v.r.Context(), by(v), name)
	switch {
	case errors.Is(err, account.ErrLastAdmin):
		return s.showUser(v, http.StatusConflict, sentence(account.ErrLastAdmin))
	case err != nil:
		return err
	}
	return s.done(v, s.base+"/users/"+user.Name, note)
}

// named returns the name of the user that the address names, or account.ErrNoUser.
func (s *site) named(v visit) (string, error) {
	user, err := s.Users.Find(v.r.Context(), v.r.PathValue("name"))
	return user.Name, err
}

func by(v visit) audit.Operator { return audit.Operator{By: v.user.Name, Reason: "on the admin pages"} }
