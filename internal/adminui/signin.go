package adminui

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// signInForm is the data of the page for the sign-in.
type signInForm struct {
	Name, Next, Fault string
	Kept              string // a form to send again after the sign-in, encoded; empty if there is none
}

func (s *site) showSignIn(w http.ResponseWriter, r *http.Request) {
	next := s.destination(r.URL.Query().Get("next"))
	if _, err := s.signedIn(r.Context()); err == nil || errors.Is(err, errMustChangePassword) {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	s.render(w, r, nil, http.StatusOK, "signin", signInForm{Next: next})
}

func (s *site) signIn(w http.ResponseWriter, r *http.Request) {
	form := signInForm{Name: r.PostForm.Get("name"), Next: s.destination(r.PostForm.Get("next")), Kept: r.PostForm.Get("kept")}
	user, err := s.Users.SignIn(r.Context(), form.Name, r.PostForm.Get("password"), httpserver.ClientOf(r.Context()).Address)
	if err == nil {
		err = s.begin(r.Context(), user)
	}
	if err == nil {
		s.Log.InfoContext(r.Context(), "a user has signed in to the admin pages", "user", user.Name)
		s.goOn(r.Context(), visit{w, r, user}, form.Next, form.Kept)
		return
	}
	status, ok := refusal(w, err)
	if !ok {
		s.fail(w, r, err)
		return
	}
	s.Log.WarnContext(r.Context(), "a sign-in to the admin pages was refused", "address", httpserver.ClientOf(r.Context()).Address, "error", err)
	form.Fault = sentence(err)
	s.render(w, r, nil, status, "signin", form)
}

// goOn leads to the page that the user wanted before the sign-in, or lets the user send a form again.
func (s *site) goOn(ctx context.Context, v visit, next, kept string) {
	switch {
	case kept == "":
		http.Redirect(v.w, v.r, next, http.StatusSeeOther)
	case v.user.MustChangePassword:
		s.render(v.w, v.r, &v.user, http.StatusOK, "password", passwordForm{Next: next, Kept: kept})
	default:
		s.showKept(ctx, v, next, kept)
	}
}

// refusal returns the status of an error of a sign-in that the person is told beside the form. Other errors are not ok.
func refusal(w http.ResponseWriter, err error) (status int, ok bool) {
	var throttled *account.ThrottledError
	switch {
	case errors.As(err, &throttled):
		w.Header().Set("Retry-After", strconv.Itoa(int(throttled.Wait.Seconds())+1))
		return http.StatusTooManyRequests, true
	case errors.Is(err, account.ErrBusy):
		httpserver.SetRetryAfter(w.Header(), http.StatusServiceUnavailable, apperr.Unavailable)
		return http.StatusServiceUnavailable, true
	case errors.Is(err, account.ErrWrong):
		return http.StatusUnprocessableEntity, true
	}
	return 0, false
}

func (s *site) signOut(w http.ResponseWriter, r *http.Request) {
	if err := s.sessions.Destroy(r.Context()); err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, s.base+"/sign-in", http.StatusSeeOther)
}
