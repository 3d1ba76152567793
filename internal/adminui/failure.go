package adminui

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/postgres"
)

// problem is the data of the page for an error.
type problem struct{ Title, Text string }

func (s *site) renderError(w http.ResponseWriter, r *http.Request, user *account.User, status int, title, text string) {
	s.render(w, r, user, status, "error", problem{title, text})
}

// foreign answers a request that came from a page of another site.
func (s *site) foreign(w http.ResponseWriter, r *http.Request) {
	s.renderError(w, r, nil, http.StatusForbidden, "This form came from another site", "Nothing was changed. Open the page here, and try again.")
}

// fail answers with the page for an error. An error that is not expected is logged, and the person sees no details.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) { s.failFor(w, r, nil, err) }

// failFor is fail for a user who has signed in.
func (s *site) failFor(w http.ResponseWriter, r *http.Request, user *account.User, err error) {
	status, p := failure(err)
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil { // the person has left, and sees no answer
		status = http.StatusServiceUnavailable
	} else {
		s.record(r.Context(), status, err)
	}
	httpserver.SetRetryAfter(w.Header(), status, apperr.KindOf(err))
	s.renderError(w, r, user, status, p.Title, p.Text)
}

// record logs an error if an operator may have to act.
func (s *site) record(ctx context.Context, status int, err error) {
	switch {
	case status == http.StatusInternalServerError, isOwnFault(err):
		s.Log.ErrorContext(ctx, "an admin page has failed", "error", err)
	case status == http.StatusServiceUnavailable:
		s.Log.WarnContext(ctx, "an admin page could not be served", "error", err)
	}
}

// isOwnFault reports whether an operator has to act so that the page can be served.
func isOwnFault(err error) bool {
	e, known := apperr.As(err)
	return known && e.OwnFault
}

// failureTitles are the titles of the pages for errors.
var failureTitles = map[apperr.Kind]string{
	apperr.Malformed:   "This address or form cannot be used",
	apperr.Invalid:     "This cannot be done",
	apperr.NotFound:    "It does not exist, or not any more",
	apperr.Conflict:    "This cannot be done",
	apperr.Stale:       "It was changed in the meantime",
	apperr.InProgress:  "Please try again",
	apperr.TooMany:     "There were too many requests",
	apperr.NotYet:      "Please try again",
	apperr.Unavailable: "The service cannot answer now",
}

// failure returns the page for an error, and its status.
func failure(err error) (status int, p problem) {
	e, known := apperr.As(err)
	switch {
	case errors.Is(err, account.ErrNoUser):
		return http.StatusNotFound, problem{"There is no such user", "The list of users has all of them."}
	case errors.Is(err, account.ErrBusy):
		return http.StatusServiceUnavailable, problem{"Please try again", sentence(account.ErrBusy)}
	case known && e.Kind != apperr.Internal:
		return httpserver.StatusOf(e.Kind), problem{failureTitles[e.Kind], e.Detail}
	case postgres.IsUnavailable(err) || errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, problem{"The database is away or busy", "Please try again in a moment."}
	}
	return http.StatusInternalServerError, problem{"Something went wrong", "The service has logged the reason."}
}

// sentence returns an error as a sentence for people.
func sentence(err error) string { return Sentence(err.Error()) }

// Sentence returns a text with a capital letter at its beginning and a full stop at its end. The name of a topic, of a field or of a
// file at the beginning stays as it is: with a capital letter it would be another name.
func Sentence(text string) string {
	text = strings.TrimSuffix(text, ".")
	if first, _, _ := strings.Cut(text, " "); !strings.ContainsAny(first, "._/") {
		text = Capital(text)
	}
	return text + "."
}

// Capital returns the text with a capital letter at its beginning.
func Capital(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
