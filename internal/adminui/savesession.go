package adminui

import (
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

// withSession returns a handler that has the session of each request. It saves the session before the first byte of the answer.
//
// It replaces LoadAndSave of scs: with that, the answer would be the page for the error and then the handler's own page, if the
// session cannot be saved.
func (s *site) withSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Cookie")
		token := ""
		if cookie, err := r.Cookie(s.sessions.Cookie.Name); err == nil {
			token = cookie.Value
		}
		ctx, err := s.sessions.Load(r.Context(), token)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		r = r.WithContext(ctx)
		saving := &savingWriter{ResponseWriter: w, save: func() bool { return s.save(w, r) }}
		next.ServeHTTP(saving, r)
		saving.begin()
	})
}

// save saves the session and sets its cookie. If it cannot, it answers with the error, and returns false.
func (s *site) save(w http.ResponseWriter, r *http.Request) bool {
	switch s.sessions.Status(r.Context()) {
	case scs.Modified:
		token, expiry, err := s.sessions.Commit(r.Context())
		if err != nil {
			for _, name := range []string{"Location", "Content-Disposition", "Content-Encoding"} { // of the lost answer
				w.Header().Del(name)
			}
			s.fail(w, r, err)
			return false
		}
		s.sessions.WriteSessionCookie(r.Context(), w, token, expiry)
	case scs.Destroyed:
		s.sessions.WriteSessionCookie(r.Context(), w, "", time.Time{}) // no expiry: the browser deletes the cookie
	case scs.Unmodified:
	}
	return true
}

// savingWriter calls save before the first byte of the answer. If save has answered, the handler's answer goes nowhere.
type savingWriter struct {
	http.ResponseWriter
	save        func() bool
	begun, lost bool
}

func (w *savingWriter) begin() {
	if !w.begun {
		w.begun = true
		w.lost = !w.save()
	}
}

// WriteHeader implements http.ResponseWriter.
func (w *savingWriter) WriteHeader(status int) {
	if w.begin(); !w.lost {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write implements http.ResponseWriter.
func (w *savingWriter) Write(p []byte) (int, error) {
	if w.begin(); w.lost {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *savingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
