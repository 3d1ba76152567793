package adminui

import (
	"net/http"
	"slices"
	"strings"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// PageRoute is a route of the pages.
type PageRoute struct {
	Method, Path string       // the path is a pattern, below the first page
	Role         account.Role // that the page needs; empty if it is open to everybody, or finds out itself
}

// Pages is the handler of the pages. It is an httpserver.ProblemPage.
type Pages struct {
	plain, secure *site
}

// ServeHTTP implements http.Handler.
func (p Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if httpserver.ClientOf(r.Context()).TLS {
		p.secure.all.ServeHTTP(w, r)
	} else {
		p.plain.all.ServeHTTP(w, r)
	}
}

// ServeProblem shows a person why the server refuses a request.
func (p Pages) ServeProblem(w http.ResponseWriter, r *http.Request, problem httpserver.Problem) {
	title, text := problem.Title, problem.Detail
	switch problem.Status {
	case http.StatusRequestEntityTooLarge:
		title, text = "This form is too large", "Nothing was changed."
	case http.StatusRequestTimeout, http.StatusBadRequest:
		title, text = "The form did not arrive", "The connection may be slow. Nothing was changed. Go back, and try again."
	case http.StatusServiceUnavailable:
		title, text = "The service is busy", "Please try again in a moment."
	case http.StatusInternalServerError:
		title, text = "Something went wrong", "The service has logged the reason."
	}
	p.plain.renderError(w, r, nil, problem.Status, title, text)
}

// Routes returns all routes except those of the files. Tests check that each one is tested.
func (p Pages) Routes() []PageRoute { return p.plain.routes }

// handle adds a route that needs no role.
func (s *site) handle(method, path string, h http.HandlerFunc) {
	s.add(PageRoute{Method: method, Path: path}, h)
}

// handlePassword adds a route of the page on which users change their own password, also those who have to.
func (s *site) handlePassword(method string, do func(visit) error) {
	s.add(PageRoute{method, "/password", account.Viewer}, s.passwordPage(do))
}

// handlePage adds a route that only users with a role may use.
func (s *site) handlePage(method, path string, role account.Role, do func(visit) error) {
	s.add(PageRoute{method, path, role}, s.page(role, do))
}

func (s *site) add(r PageRoute, h http.Handler) {
	s.pages.Handle(r.Method+" "+s.base+r.Path, h)
	s.routes = append(s.routes, r)
}

// otherwise answers requests that match no route. A path that has routes for other methods answers with these methods.
func (s *site) otherwise(w http.ResponseWriter, r *http.Request) {
	allowed := s.methods(r)
	if len(allowed) == 0 {
		s.page(account.Viewer, s.nothing).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.renderError(w, r, nil, http.StatusMethodNotAllowed, "This page cannot do that", "It allows only: "+strings.Join(allowed, ", ")+".")
}

// methods returns the methods of a path, sorted; none if no route has the path.
func (s *site) methods(r *http.Request) (all []string) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		asked := *r
		asked.Method = method
		_, page := s.pages.Handler(&asked)
		_, beside := s.all.Handler(&asked)
		if strings.HasPrefix(page, method+" ") || strings.HasPrefix(beside, method+" ") {
			all = append(all, method)
		}
	}
	if slices.Contains(all, http.MethodGet) {
		all = append(all, http.MethodHead)
	}
	if len(all) > 0 {
		all = append(all, http.MethodOptions)
	}
	slices.Sort(all)
	return all
}
