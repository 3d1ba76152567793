package adminui

import (
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"

	"github.com/monsplit/monsplit/internal/account"
)

// Section is a set of pages of another package, in the frame of the admin pages. Its handlers are called after the same checks
// as those of all pages.
type Section struct {
	Path  string // the pages are at this path below the first page, and below it
	Title string // for the navigation
	About string // one sentence for the overview
	// Templates has a file NAME.html for each page, with the templates "title" and "content", and parts.html with what they
	// share. A template gets a view: .Data is the data of the page, .Path the path of the section.
	Templates fs.FS
	Routes    []Route
}

// Route is a page or an action of a section.
type Route struct {
	Method string
	Path   string // below the path of the section, such as "/outbox"; empty for the section itself
	Role   account.Role
	Do     func(*Visit) error // if it returns an error, that is the answer
}

// Visit is one request of a signed-in user to a section.
type Visit struct {
	W       http.ResponseWriter
	R       *http.Request
	User    account.User
	site    *site
	section *Section
}

// Path returns the path of the section's first page.
func (v *Visit) Path() string { return v.site.base + "/" + v.section.Path }

// Render answers with a page of the section.
func (v *Visit) Render(status int, page string, data any) error {
	v.site.render(v.W, v.R, &v.User, status, v.section.pageName(page), data)
	return nil
}

// Leave leads to another page of the section, which shows a note.
func (v *Visit) Leave(path, note string) error {
	return v.site.done(visit{v.W, v.R, v.User}, v.Path()+path, note)
}

func (s *Section) pageName(page string) string { return s.Path + "/" + page }

// addSection adds the routes of a section.
func (s *site) addSection(at func(method, path string, h http.Handler), section *Section) {
	for _, route := range section.Routes {
		at(route.Method, "/"+section.Path+route.Path, s.page(route.Role, func(v visit) error {
			return route.Do(&Visit{W: v.w, R: v.r, User: v.user, site: s, section: section})
		}))
	}
}

// sectionParts is the file with templates that several pages of a section use.
const sectionParts = "parts.html"

// parseSections adds the templates of the sections.
func parseSections(all map[string]*template.Template, sections []Section) error {
	for i := range sections {
		s := &sections[i]
		files, err := fs.Glob(s.Templates, "*.html")
		if err != nil {
			return fmt.Errorf("the section %s: %w", s.Path, err)
		}
		for _, file := range files {
			if file == sectionParts {
				continue
			}
			t, err := frame()
			if err == nil {
				t, err = t.ParseFS(s.Templates, sectionParts, file)
			}
			if err != nil {
				return fmt.Errorf("read the page %s of the section %s: %w", file, s.Path, err)
			}
			all[s.pageName(strings.TrimSuffix(file, ".html"))] = t
		}
	}
	return nil
}

// InSection reports whether the page belongs to a section.
func (v view) InSection(s Section) bool { return strings.HasPrefix(v.Here, s.Path+"/") }

// Path returns the path of the section to which the page belongs.
func (v view) Path() string {
	section, _, _ := strings.Cut(v.Here, "/")
	return v.Site.base + "/" + section
}
