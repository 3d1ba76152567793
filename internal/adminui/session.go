package adminui

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// What a session keeps.
const (
	keyUser  = "user"  // the id
	keyEpoch = "epoch" // of the user, when the session began
	keyNote  = "note"  // a text that the next page shows
	keyNoted = "noted" // the page of the thing that the text is about
	keyWay   = "way"   // the event whose way the next page shows
)

// begin signs the user in to the session. The session gets a new token, because another person may know the old one.
func (s *site) begin(ctx context.Context, user account.User) error {
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.Put(ctx, keyUser, user.ID)
	s.sessions.Put(ctx, keyEpoch, user.Epoch)
	return nil
}

// errMustChangePassword is the error of a request by a user who has to choose a password first.
var errMustChangePassword = errors.New("the user has to choose another password first")

// signedIn returns the user of a session, as it is now. It returns account.ErrNoUser if the session has none, or has ended, and
// errMustChangePassword with the user who has to choose a password first.
func (s *site) signedIn(ctx context.Context) (account.User, error) {
	id := s.sessions.GetInt64(ctx, keyUser)
	if id == 0 {
		return account.User{}, account.ErrNoUser
	}
	user, err := s.Users.Get(ctx, id)
	if err == nil && (user.DisabledAt != nil || user.Epoch != s.sessions.GetInt64(ctx, keyEpoch)) {
		err = account.ErrNoUser
	}
	if err == nil && user.MustChangePassword {
		err = errMustChangePassword
	}
	return user, err
}

// visit is one request of a signed-in user.
type visit struct {
	w    http.ResponseWriter
	r    *http.Request
	user account.User
}

// page returns the handler of a route that only users with a role may use. A client that is not signed in gets the page for the
// sign-in, which leads back here. So does the page for the password, for a user who has to choose another one first. If do returns an
// error, the answer is the page for that error.
func (s *site) page(role account.Role, do func(visit) error) http.Handler {
	return s.guarded(role, do, s.askForPassword)
}

// passwordPage returns the handler of a route that users need to choose another password.
func (s *site) passwordPage(do func(visit) error) http.Handler {
	return s.guarded(account.Viewer, do, do)
}

// guarded returns the handler of a route. mustChange answers a user who has to choose another password first.
func (s *site) guarded(role account.Role, do, mustChange func(visit) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, err := s.signedIn(r.Context())
		do := do
		switch {
		case errors.Is(err, errMustChangePassword):
			do = mustChange
		case errors.Is(err, account.ErrNoUser):
			s.askToSignIn(w, r)
			return
		case err != nil:
			s.fail(w, r, err)
			return
		}
		r = r.WithContext(httpserver.Identified(r.Context(), caller.Caller{Kind: caller.KindSession, Name: user.Name}))
		if !user.MustChangePassword && !user.Role.Includes(role) {
			s.renderError(w, r, &user, http.StatusForbidden, "This page needs another role",
				"Your role is "+string(user.Role)+", but this page needs the role "+string(role)+". Ask an admin to change your role.")
			return
		}
		if err := do(visit{w, r, user}); err != nil {
			s.failFor(w, r, &user, err)
		}
	})
}

// askToSignIn leads to the sign-in. After that, the user comes back to a page that was asked for by GET, and can send a form again.
func (s *site) askToSignIn(w http.ResponseWriter, r *http.Request) {
	if kept := keep(r); kept != "" {
		s.render(w, r, nil, http.StatusForbidden, "signin", signInForm{Next: s.destination(r.URL.RequestURI()), Kept: kept})
		return
	}
	to := s.base + "/sign-in"
	if r.Method == http.MethodGet && r.URL.Path != s.base {
		to += "?next=" + url.QueryEscape(r.URL.RequestURI())
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// askForPassword leads to the page for the password. After that, the user comes back to a page that was asked for by GET, and can send
// a form again.
func (s *site) askForPassword(v visit) error {
	if kept := keep(v.r); kept != "" {
		s.render(v.w, v.r, &v.user, http.StatusForbidden, "password", passwordForm{Next: s.destination(v.r.URL.RequestURI()), Kept: kept})
		return nil
	}
	to := s.base + "/password"
	if v.r.Method == http.MethodGet && v.r.URL.Path != s.base {
		to += "?next=" + url.QueryEscape(v.r.URL.RequestURI())
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// destination returns where to go after the sign-in: next if it is one of our pages, or else the first page. Browsers take some
// texts for addresses of other hosts, so only a plain path below our own is allowed.
func (s *site) destination(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || strings.ContainsAny(next, "\\\t\r\n") || path.Clean(u.Path) != u.Path ||
		u.Path != s.base && !strings.HasPrefix(u.Path, s.base+"/") {
		return s.base
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}
