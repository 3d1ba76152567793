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
	// shorter than the time after which proxies give up a silent connection; 15 s by default.
	Beat time.Duration
	Log  *slog.Logger
}

// site serves the pages for one kind of connection.
type site struct {
	Config
	base      string // the path of the first page
	templates map[string]*template.Template
	assets    map[string]asset
	sessions  *scs.SessionManager
}

// Base returns the path of the first page. All other pages are below it.
func (c Config) Base() string { return c.Root + "/admin" }

// New returns the handler of the path Base and of everything below it. It needs what httpserver.Server.Handle knows about
// the client.
func New(cfg Config) (http.Handler, error) {
	templates, err := parseTemplates(cfg.Overview.Templates, cfg.Sections)
	if err != nil {
		return nil, err
	}
	if cfg.Beat <= 0 {
		cfg.Beat = 15 * time.Second
	}
	assets, err := readAssets(cfg.Base())
	if err != nil {
		return nil, err
	}
	handler := func(secure bool) http.Handler {
		s := &site{Config: cfg, base: cfg.Base(), templates: templates, assets: assets}
		s.sessions = s.newSessions(secure)
		return s.handler()
	}
	plain, secure := handler(false), handler(true)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if httpserver.ClientOf(r.Context()).TLS {
			secure.ServeHTTP(w, r)
		} else {
			plain.ServeHTTP(w, r)
		}
	}), nil
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
func (s *site) handler() http.Handler {
	pages := http.NewServeMux()
	at := func(method, path string, h http.Handler) { pages.Handle(method+" "+s.base+path, h) }
	at("GET", "/sign-in", http.HandlerFunc(s.showSignIn))
	at("POST", "/sign-in", http.HandlerFunc(s.signIn))
	at("POST", "/sign-out", http.HandlerFunc(s.signOut))
	at("GET", "", s.page(account.Viewer, s.home))
	at("GET", "/password", s.passwordPage(s.showPassword))
	at("POST", "/password", s.passwordPage(s.changePassword))
	at("GET", "/history/{model}/{key}", s.page(account.Viewer, s.history))
	at("GET", "/users", s.page(account.Admin, s.users))
	at("POST", "/users", s.page(account.Admin, s.createUser))
	at("GET", "/users/{name}", s.page(account.Admin, s.user))
	at("POST", "/users/{name}/role", s.page(account.Admin, s.setRole))
	at("POST", "/users/{name}/reset-password", s.page(account.Admin, s.resetPassword))
	at("POST", "/users/{name}/disable", s.page(account.Admin, s.disableUser))
	at("POST", "/users/{name}/enable", s.page(account.Admin, s.enableUser))
	for i := range s.Resources {
		s.addResource(at, &s.Resources[i])
	}
	for i := range s.Sections {
		s.addSection(at, &s.Sections[i])
	}
	if s.Journey != nil {
		at("GET", "/journey", s.page(account.Viewer, s.showJourney))
		at("GET", pathEvent, s.page(account.Viewer, s.event))
	}
	pages.Handle("/", s.page(account.Viewer, s.nothing))

	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(s.foreign))
	all := http.NewServeMux()
	all.Handle("/", protection.Handler(s.withSession(pages)))
	if s.Journey != nil {
		all.HandleFunc("GET "+s.StreamPath(), s.stream)
	}
	for _, a := range s.assets {
		all.Handle("GET "+a.path, a)
	}
	return all
}

// addResource adds the routes of one kind of things.
func (s *site) addResource(at func(method, path string, h http.Handler), r *Resource) {
	at("GET", "/"+r.Path, s.page(account.Viewer, s.list(r)))
	at("GET", "/"+r.Path+".csv", s.page(account.Viewer, s.export(r)))
	at("GET", "/"+r.Path+"/{id}", s.page(account.Viewer, s.showItem(r)))
	if r.Create != nil {
		at("GET", "/"+r.Path+"/new", s.page(account.Editor, s.showNew(r)))
		at("POST", "/"+r.Path+"/new", s.page(account.Editor, s.create(r)))
		at("GET", "/"+r.Path+"/new/find/{field}", s.page(account.Editor, s.find(r)))
	}
	if r.Change != nil {
		at("POST", "/"+r.Path+"/{id}", s.page(account.Editor, s.changeItem(r)))
	}
	if r.Delete != nil {
		at("GET", "/"+r.Path+"/{id}/delete", s.page(account.Editor, s.askToDelete(r)))
		at("POST", "/"+r.Path+"/{id}/delete", s.page(account.Editor, s.deleteItem(r)))
	}
	if len(r.Actions) > 0 {
		at("POST", "/"+r.Path+"/do", s.page(account.Editor, s.act(r)))
	}
}
