package adminui

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/apperr"
)

// Every kind of error has the status that the API gives it, and the header that the status calls for.
func TestStatusOfErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err    error
		status int
		form   bool // a form with this error can be sent again
		later  int  // the largest Retry-After, in seconds
	}{
		"Malformed":   {apperr.New(apperr.Malformed, "x"), http.StatusBadRequest, true, 0},
		"Invalid":     {apperr.New(apperr.Invalid, "x"), http.StatusUnprocessableEntity, true, 0},
		"Not found":   {apperr.New(apperr.NotFound, "x"), http.StatusNotFound, false, 0},
		"Conflict":    {apperr.New(apperr.Conflict, "x"), http.StatusConflict, true, 0},
		"Stale":       {apperr.New(apperr.Stale, "x"), http.StatusPreconditionFailed, false, 0},
		"In progress": {apperr.New(apperr.InProgress, "x"), http.StatusConflict, true, 1},
		"Too many":    {apperr.New(apperr.TooMany, "x"), http.StatusTooManyRequests, true, 120},
		"Not yet":     {apperr.New(apperr.NotYet, "x"), http.StatusServiceUnavailable, true, 3},
		"Unavailable": {apperr.New(apperr.Unavailable, "x"), http.StatusServiceUnavailable, true, 3},
		"Internal":    {apperr.New(apperr.Internal, "x"), http.StatusInternalServerError, false, 0},
		"Unknown":     {errors.New("x"), http.StatusInternalServerError, false, 0},
		"No user":     {account.ErrNoUser, http.StatusNotFound, false, 0},
		"Too slow":    {context.DeadlineExceeded, http.StatusServiceUnavailable, false, 0},
	} {
		status, p := failure(tt.err)
		if status != tt.status || p.Title == "" || p.Text == "" {
			t.Errorf("%s: %d %+v, want %d", name, status, p, tt.status)
		}
		w := httptest.NewRecorder()
		status, again := refused(w, tt.err)
		if again != tt.form || again && status != tt.status {
			t.Errorf("%s: a form is answered with %d, %v", name, status, again)
		}
		later := w.Header().Get("Retry-After")
		if seconds, err := strconv.Atoi(later); (later != "") != (tt.later > 0) || later != "" && (err != nil || seconds < 1 || seconds > tt.later) {
			t.Errorf("%s: Retry-After is %q, want up to %d", name, later, tt.later)
		}
	}
}

// A sentence does not change a name at its beginning.
func TestSentences(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"must not be blank": "Must not be blank.", "it ends.": "It ends.", "éa": "Éa.", "": ".",
		"shop.order.v1-7 has an event":  "shop.order.v1-7 has an event.",
		"end_date must be later":        "end_date must be later.",
		"the sender, shop.order, waits": "The sender, shop.order, waits.",
	} {
		if got := Sentence(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// People see the titles of fields, and not the names that the API has. A name that is also a word stays.
func TestNamedByTitle(t *testing.T) {
	t.Parallel()
	fields := []Field{{Name: "end_date", Title: "Last day"}, {Name: "name", Title: "Title"}}
	for text, want := range map[string]string{
		"end_date must not be before start_date": "“Last day” must not be before start_date",
		"must be before end_date, as end_date_2": "must be before “Last day”, as end_date_2",
		"the name is taken":                      "the name is taken",
	} {
		if got := NamedByTitle(fields, text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
