package serviceframe

import (
	"net/http"
	"sync/atomic"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
)

// site is a set of pages of the service's own.
type site struct {
	path    string
	handler http.Handler
	events  string       // the path of its stream of server-sent events; may be empty
	ready   *atomic.Bool // whether the pages can be used, beside the schema; nil if they need nothing else
}

// available returns an error if the pages cannot be used yet.
func (s site) available(schema *schema) error {
	if err := schema.available(); err != nil {
		return err
	}
	if s.ready != nil && !s.ready.Load() {
		return apperr.New(apperr.Unavailable, "These pages have no user yet. The service is about to create one.")
	}
	return nil
}

// Handle adds pages of the service's own at path and everywhere below it, such as an admin interface. See
// httpserver.Server.Handle. A body has at most HTTP_MAX_BODY_BYTES. While the schema is not up to date, the answer is 503.
// A request that reads counts as a list, all others count as changes.
// Call Handle before Serve.
func (f *Frame) Handle(path string, handler http.Handler) {
	f.sites = append(f.sites, site{path: path, handler: handler})
}

func (f *Frame) mountSites(server *httpserver.Server) {
	for _, s := range f.sites {
		available := func() error { return s.available(f.schema) }
		if s.events != "" {
			server.HandleEvents(s.events, s.handler, available)
		}
		server.Handle(s.path, s.handler, available, f.admit)
	}
}
