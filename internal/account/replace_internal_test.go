package account

import (
	"errors"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	accountsql "github.com/monsplit/monsplit/sql/account"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// A user changes the password. At the same moment an admin resets it, or disables the user: the admin's word counts.
func TestAResetIsNotOverwritten(t *testing.T) {
	t.Parallel()
	ada := audit.Operator{By: "ada"}
	for name, meanwhile := range map[string]func(u *Users) error{
		"reset": func(u *Users) error { _, _, err := u.ResetPassword(t.Context(), ada, "bob"); return err },
		"disabled and enabled": func(u *Users) error {
			_, err := u.Disable(t.Context(), ada, "bob")
			_, err2 := u.Enable(t.Context(), ada, "bob")
			return errors.Join(err, err2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := New(pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"},
				postgres.Migrations{FS: accountsql.Migrations, Table: "goose_account"}))
			if _, err := u.CreateFirst(t.Context(), Settings{Demo: true}); err != nil {
				t.Fatal(err)
			}
			_, password, err := u.Create(t.Context(), ada, "bob", Editor)
			if err != nil {
				t.Fatal(err)
			}
			verified, err := u.SignIn(t.Context(), "bob", password, "192.0.2.1")
			if err != nil {
				t.Fatal(err)
			}
			if err := meanwhile(u); err != nil {
				t.Fatal(err)
			}
			if _, err := u.replacePassword(t.Context(), verified, "correct horse battery"); !errors.Is(err, ErrWrong) {
				t.Errorf("error %v", err)
			}
			if _, err := u.SignIn(t.Context(), "bob", "correct horse battery", "192.0.2.1"); !errors.Is(err, ErrWrong) {
				t.Errorf("the overwriting password works: %v", err)
			}
		})
	}
}
