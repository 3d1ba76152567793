package adminui

import (
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/journey"
)

// DefaultBeat is the default of Config.Beat.
const DefaultBeat = 15 * time.Second

// Config describes the admin pages of a service.
type Config struct {
	Service string // its name; the cookie has it, so that services on one host do not share a cookie
	Title   string // for people
	Root    string // the path below which the service has its pages; may be empty
	Users   *account.Users
	History *history.Reader // of the service's objects
	// Lifetime is how long a session lasts at most, and Idle how long it lasts without a request.
	Lifetime, Idle time.Duration
	// Resources are what the pages list. Stream limits the time of an export.
	Resources []Resource
	Stream    httpserver.StreamLimits
	// Sections are pages of other packages. Overview may be empty.
	Sections []Section
	Overview Overview
	// Journey lets people watch the way of events. Without it, the pages do not show it.
	Journey *journey.Watch
	// EventRetention is how long records of events are kept at least.
	EventRetention time.Duration
	// Related are pages of sections to which the page of an event leads.
	Related Related
	// Beat is the time between two signs of life in a stream, and between two looks whether its user may still see it. It must be
	// shorter than the time after which proxies give up a silent connection; DefaultBeat by default.
	Beat time.Duration
	Log  *slog.Logger
}

// site serves the pages for one kind of connection.
type site struct {
	Config
	base      string // the path of the first page
	templates map[string]*template.Template
	assets    map[string]httpserver.Page
	sessions  *scs.SessionManager
	pages     *http.ServeMux
	routes    []PageRoute
	all       *http.ServeMux // the pages, and the files and the stream beside them
}

// Base returns the path of the first page. All other pages are below it.
func (c Config) Base() string { return c.Root + "/admin" }

// New returns the handler of the path Base and of everything below it. It needs what httpserver.Server.Handle knows about
// the client.
func New(cfg Config) (*Pages, error) {
	templates, err := parseTemplates(cfg.Overview.Templates, cfg.Sections)
	if err != nil {
		return nil, err
	}
	if cfg.Beat <= 0 {
		cfg.Beat = DefaultBeat
	}
	assets, err := readAssets(cfg.Base())
	if err != nil {
		return nil, err
	}
	handler := func(secure bool) *site {
		s := &site{Config: cfg, base: cfg.Base(), templates: templates, assets: assets, pages: http.NewServeMux()}
		s.sessions = s.newSessions(secure)
		s.all = s.handler()
		return s
	}
	return &Pages{plain: handler(false), secure: handler(true)}, nil
}

// newSessions returns sessions with this service's cookie. A cookie that a browser got over TLS is never sent without TLS.
func (s *site) newSessions(secure bool) *scs.SessionManager {
	// scs.New would start a goroutine that never ends, for a store in memory.
	return &scs.SessionManager{
		Store: s.Users.Sessions(), HashTokenInStore: true, Codec: scs.GobCodec{},
		Lifetime: s.Lifetime, IdleTimeout: s.Idle,
		Cookie: scs.SessionCookie{
			Name: s.Service + "_session", Path: s.base, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: secure,
		},
	}
}

// handler returns all routes. The files of the pages need no session.
func (s *site) handler() *http.ServeMux {
	s.handle("GET", "/sign-in", s.showSignIn)
	s.handle("POST", "/sign-in", s.signIn)
	s.handle("POST", "/sign-out", s.signOut)
	s.handlePage("GET", "", account.Viewer, s.home)
	s.handlePassword("GET", s.showPassword)
	s.handlePassword("POST", s.changePassword)
	s.handlePage("GET", "/history/{model}/{key}", account.Viewer, s.history)
	s.handlePage("GET", "/users", account.Admin, s.users)
	s.handlePage("POST", "/users", account.Admin, s.createUser)
	s.handlePage("GET", "/users/{name}", account.Admin, s.user)
	s.handlePage("POST", "/users/{name}/role", account.Admin, s.setRole)
	s.handlePage("POST", "/users/{name}/reset-password", account.Admin, s.resetPassword)
	s.handlePage("POST", "/users/{name}/disable", account.Admin, s.disableUser)
	s.handlePage("POST", "/users/{name}/enable", account.Admin, s.enableUser)
	for i := range s.Resources {
		s.addResource(&s.Resources[i])
	}
	for i := range s.Sections {
		s.addSection(&s.Sections[i])
	}
	if s.Journey != nil {
		s.handlePage("GET", "/journey", account.Viewer, s.showJourney)
		s.handlePage("GET", pathEvent, account.Viewer, s.event)
	}
	s.pages.HandleFunc("/", s.otherwise)

	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(s.foreign))
	all := http.NewServeMux()
	all.Handle("/", protection.Handler(s.withForm(s.withSession(s.pages))))
	if s.Journey != nil {
		all.HandleFunc("GET "+s.StreamPath(), s.stream)
	}
	for _, a := range s.assets {
		all.Handle("GET "+a.Path, a.Handler())
	}
	return all
}

// addResource adds the routes of one kind of things.
func (s *site) addResource(r *Resource) {
	s.handlePage("GET", "/"+r.Path, account.Viewer, s.list(r))
	s.handlePage("GET", "/"+r.Path+".csv", account.Viewer, s.export(r))
	s.handlePage("GET", "/"+r.Path+"/{id}", account.Viewer, s.showItem(r))
	if r.Create != nil {
		s.handlePage("GET", "/"+r.Path+"/new", account.Editor, s.showNew(r))
		s.handlePage("POST", "/"+r.Path+"/new", account.Editor, s.create(r))
		s.handlePage("GET", "/"+r.Path+"/new/find/{field}", account.Editor, s.find(r))
	}
	if r.Change != nil {
		s.handlePage("POST", "/"+r.Path+"/{id}", account.Editor, s.changeItem(r))
	}
	if r.Delete != nil {
		s.handlePage("GET", "/"+r.Path+"/{id}/delete", account.Editor, s.askToDelete(r))
		s.handlePage("POST", "/"+r.Path+"/{id}/delete", account.Editor, s.deleteItem(r))
	}
	if len(r.Actions) > 0 {
		s.handlePage("POST", "/"+r.Path+"/do", account.Editor, s.act(r))
	}
}
