package adminui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/headerfield"
	"github.com/monsplit/monsplit/internal/webassets"
)

//go:embed templates/*.html
var templateFiles embed.FS

// parseTemplates returns the template of each page by its name.
func parseTemplates(overview fs.FS, sections []Section) (map[string]*template.Template, error) {
	all := map[string]*template.Template{}
	for _, name := range []string{"signin", "kept", "home", "password", "users", "user", "secret", "error", "list", "form", "conflict", "delete", "confirm", "history", "journey", "event"} {
		t, err := frame()
		if err == nil {
			t, err = t.ParseFS(templateFiles, "templates/"+name+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("read the page %s: %w", name, err)
		}
		all[name] = t
	}
	if overview != nil {
		if _, err := all["home"].ParseFS(overview, "overview.html"); err != nil {
			return nil, fmt.Errorf("read the overview: %w", err)
		}
	}
	return all, parseSections(all, sections)
}

// frame returns the templates that all pages have.
func frame() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{"time": TimeText, "milli": milliTime, "day": dayText, "clock": clockText, "capital": Capital}).
		ParseFS(templateFiles, "templates/layout.html", "templates/parts.html")
}

// TimeText returns a time as all pages show it: ISO 8601 in UTC, to the second.
func TimeText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// view is the data of every template.
type view struct {
	Site *site
	Here string        // the name of the page
	User *account.User // who is signed in; nil if nobody is
	Note string        // what the last request has done
	// Noted is the address of the thing that the note is about. It is empty if this page shows the thing, or if it is gone.
	Noted string
	Way   *way // of the last change of what the page shows; may be nil
	Data  any
}

// Base returns the path of the first page.
func (v view) Base() string { return v.Site.base }

// Asset returns the address of a file that the pages use.
func (v view) Asset(name string) (string, error) {
	a, ok := v.Site.assets[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %s", name)
	}
	return a.Path, nil
}

// Admin reports whether the signed-in user may manage users.
func (v view) Admin() bool { return v.User != nil && v.User.Role.Includes(account.Admin) }

// render answers with a page. The page is complete before its first byte is sent.
func (s *site) render(w http.ResponseWriter, r *http.Request, user *account.User, status int, page string, data any) {
	v := view{Site: s, Here: page, User: user, Data: data}
	if user != nil {
		v.Note, v.Noted = s.sessions.PopString(r.Context(), keyNote), s.sessions.PopString(r.Context(), keyNoted)
		v.Way = s.popWay(r.Context(), data)
	}
	var body bytes.Buffer
	if err := s.templates[page].ExecuteTemplate(&body, "layout", v); err != nil {
		s.Log.ErrorContext(r.Context(), "a page could not be rendered", "page", page, "error", err)
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	s.send(w, r, status, body.Bytes())
}

// renderPart answers with a part of a page, for the script of the pages.
func (s *site) renderPart(w http.ResponseWriter, r *http.Request, part string, data any) {
	var body bytes.Buffer
	if err := s.templates["form"].ExecuteTemplate(&body, part, data); err != nil {
		s.Log.ErrorContext(r.Context(), "a part of a page could not be rendered", "part", part, "error", err)
		http.Error(w, "the part could not be rendered", http.StatusInternalServerError)
		return
	}
	s.send(w, r, http.StatusOK, body.Bytes())
}

// send sends HTML, compressed for browsers that accept it.
func (s *site) send(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Add("Vary", "Accept-Encoding")
	if headerfield.Quality(r.Header.Values("Accept-Encoding"), "gzip") > 0 {
		h.Set("Content-Encoding", "gzip")
		body = webassets.Gzip(body)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// Editor reports whether the signed-in user may change data.
func (v view) Editor() bool { return v.User != nil && v.User.Role.Includes(account.Editor) }

// In reports whether the page belongs to a resource.
func (v view) In(r Resource) bool {
	page, ok := v.Data.(interface{ path() string })
	return ok && page.path() == r.Path
}
