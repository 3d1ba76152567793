package adminui

import (
	"errors"
	"net/http"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// passwordForm is the data of the page on which users change their own password. Each field has its fault.
type passwordForm struct{ Was, New, Again string }

func (s *site) nothing(v visit) error {
	s.renderError(v.w, v.r, &v.user, http.StatusNotFound, "There is no such page", "The address may be old, or have a typo.")
	return nil
}

func (s *site) showPassword(v visit) error {
	s.render(v.w, v.r, &v.user, http.StatusOK, "password", passwordForm{})
	return nil
}

func (s *site) changePassword(v visit) error {
	var faults passwordForm
	was, password := v.r.PostForm.Get("was"), v.r.PostForm.Get("password")
	if err := account.CheckPassword(password); err != nil {
		faults.New = sentence(err)
	}
	if v.r.PostForm.Get("again") != password {
		faults.Again = "This is not the same as the new password."
	}
	status := http.StatusUnprocessableEntity
	if faults == (passwordForm{}) {
		ctx := v.r.Context()
		user, err := s.Users.ChangePassword(ctx, v.user, was, password, httpserver.ClientOf(ctx).Address)
		if err == nil {
			if err := s.begin(ctx, user); err != nil {
				return err
			}
			return s.done(v, s.base+"/password", "Your password is changed. Wherever else you were signed in, you are signed out.")
		}
		refused, ok := refusal(v.w, err)
		if !ok {
			return err
		}
		status, faults.Was = refused, sentence(err)
		if errors.Is(err, account.ErrWrong) {
			faults.Was = "This is not your password."
		}
	}
	s.render(v.w, v.r, &v.user, status, "password", faults)
	return nil
}

// done leads to a page after a change. The page shows the note once.
func (s *site) done(v visit, to, note string) error {
	s.sessions.Put(v.r.Context(), keyNote, note)
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}
