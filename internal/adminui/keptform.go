package adminui

import (
	"net/http"
	"net/url"

	"github.com/monsplit/monsplit/internal/apperr"
)

// keep returns what a person has typed into a form, encoded, if the session has ended meanwhile. The page for the sign-in keeps
// it in a hidden field, so that nothing is lost. Passwords are never kept.
func keep(r *http.Request) string {
	if r.Method != http.MethodPost || r.ParseForm() != nil || r.PostForm.Has("password") {
		return ""
	}
	return r.PostForm.Encode()
}

// keptForm is the data of the page on which a person sends a form again, after the sign-in.
type keptForm struct {
	Action string // the address of the form
	Values url.Values
}

// showKept asks the person whether to send the form that was kept. It sends nothing by itself: the person may be another one.
func (s *site) showKept(v visit, next, kept string) {
	values, err := url.ParseQuery(kept)
	if err != nil {
		s.failFor(v.w, v.r, &v.user, apperr.New(apperr.Malformed, "The form that was kept cannot be read.").Because(err))
		return
	}
	s.render(v.w, v.r, &v.user, http.StatusOK, "kept", keptForm{Action: next, Values: values})
}
