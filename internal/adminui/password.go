package adminui

import (
	"errors"
	"net/http"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// passwordForm is the data of the page on which users change their own password.
type passwordForm struct {
	Was, New, Again string // the fault of each field
	Next, Kept      string // where the user goes on after a change that was required; as in signInForm
}

func (f passwordForm) faultless() bool { return f.Was == "" && f.New == "" && f.Again == "" }

func (s *site) nothing(v visit) error {
	s.renderError(v.w, v.r, &v.user, http.StatusNotFound, "There is no such page", "The address may be old, or have a typo.")
	return nil
}

func (s *site) showPassword(v visit) error {
	s.render(v.w, v.r, &v.user, http.StatusOK, "password", passwordForm{Next: s.destination(v.r.URL.Query().Get("next"))})
	return nil
}

func (s *site) changePassword(v visit) error {
	faults := passwordForm{Next: s.destination(v.r.PostForm.Get("next")), Kept: v.r.PostForm.Get("kept")}
	was, password := v.r.PostForm.Get("was"), v.r.PostForm.Get("password")
	if err := account.CheckPassword(password); err != nil {
		faults.New = sentence(err)
	}
	if v.r.PostForm.Get("again") != password {
		faults.Again = "This is not the same as the new password."
	}
	status := http.StatusUnprocessableEntity
	if faults.faultless() {
		ctx := v.r.Context()
		user, err := s.Users.ChangePassword(ctx, v.user, was, password, httpserver.ClientOf(ctx).Address)
		if err == nil {
			return s.passwordChanged(v, user, faults)
		}
		refused, ok := refusal(v.w, err)
		switch {
		case errors.Is(err, account.ErrSame):
			faults.New = sentence(err)
		case errors.Is(err, account.ErrWrong):
			faults.Was = "This is not your password."
		case !ok:
			return err
		default:
			status, faults.Was = refused, sentence(err)
		}
	}
	s.render(v.w, v.r, &v.user, status, "password", faults)
	return nil
}

// passwordChanged goes on in the same session. A user who had to choose another password comes to the page that was wanted before.
func (s *site) passwordChanged(v visit, user account.User, form passwordForm) error {
	if err := s.begin(v.r.Context(), user); err != nil {
		return err
	}
	s.sessions.Put(v.r.Context(), keyNote, "Your password is changed. Wherever else you were signed in, you are signed out.")
	next := s.base + "/password"
	if v.user.MustChangePassword {
		next = form.Next
	}
	v.user = user
	s.goOn(v.r.Context(), v, next, form.Kept)
	return nil
}

// done leads to a page after a change. The page shows the note once.
func (s *site) done(v visit, to, note string) error {
	s.sessions.Put(v.r.Context(), keyNote, note)
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}
