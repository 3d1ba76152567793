package adminui

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/journey"
)

// StreamPath returns the path of the stream of server-sent events. httpserver.Server.HandleEvents must serve it.
func (c Config) StreamPath() string { return c.Base() + "/journey/stream" }

const (
	// streamTime bounds one stream. The browser then opens another one, if the session still allows it.
	streamTime   = 5 * time.Minute
	pathEvent    = "/journey/event" // the page of one event
	paramEvent   = "event"
	paramPicture = "picture" // the stream of one event has its picture, and not only a line
	eventNews    = "news"    // has the new HTML
	eventEnd     = "end"     // nothing more will come
	readTimeout  = 5 * time.Second
)

// showJourney shows the newest events, as far as this service knows their way.
func (s *site) showJourney(v visit) error {
	events, err := s.Journey.Now(v.r.Context())
	if err != nil {
		return err
	}
	s.render(v.w, v.r, &v.user, http.StatusOK, "journey", s.newPicture(events))
	return nil
}

// stream sends what is new about one event, or about all, as server-sent events. It only reads the session: a page that stays open
// must not keep a session alive.
func (s *site) stream(w http.ResponseWriter, r *http.Request) {
	ctx, user, err := s.readSession(r.Context(), r)
	switch {
	case errors.Is(err, account.ErrNoUser):
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	case errors.Is(err, errMustChangePassword):
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	case err != nil:
		s.Log.WarnContext(ctx, "a stream needs the database", "error", err)
		refuseStream(w, "the database is away or busy")
		return
	case !user.Role.Includes(account.Viewer):
		http.Error(w, "this needs another role", http.StatusForbidden)
		return
	}
	var refs []journey.Ref
	if r.URL.Query().Has(paramEvent) {
		ref, ok := journey.ParseRef(r.URL.Query().Get(paramEvent))
		if !ok {
			http.Error(w, "an event is TOPIC/KEY/VERSION", http.StatusBadRequest)
			return
		}
		refs = append(refs, ref)
	}
	watcher, err := s.Journey.Join(refs...)
	if err != nil {
		refuseStream(w, err.Error())
		return
	}
	defer s.Journey.Leave(watcher)
	out, err := httpserver.BeginEvents(ctx, w)
	if err == nil {
		err = s.sendNews(ctx, out, watcher, refs, r.URL.Query().Has(paramPicture))
	}
	if err != nil {
		s.Log.DebugContext(ctx, "a stream ended early", "error", err)
	}
}

// refuseStream answers that the stream cannot be sent now.
func refuseStream(w http.ResponseWriter, text string) {
	httpserver.SetRetryAfter(w.Header(), http.StatusServiceUnavailable, apperr.Unavailable)
	http.Error(w, text, http.StatusServiceUnavailable)
}

// readSession returns the user of a session, and a context with the session. It stores nothing.
func (s *site) readSession(ctx context.Context, r *http.Request) (context.Context, account.User, error) {
	token := ""
	if cookie, err := r.Cookie(s.sessions.Cookie.Name); err == nil {
		token = cookie.Value
	}
	loaded, err := s.sessions.Load(ctx, token)
	if err != nil {
		return ctx, account.User{}, err
	}
	user, err := s.signedIn(loaded)
	if err == nil {
		loaded = httpserver.Identified(loaded, caller.Caller{Kind: caller.KindSession, Name: user.Name})
	}
	return loaded, user, err
}

// sendNews sends what the watcher learns, until the client is gone, the user may not see it any more, or the service stops.
func (s *site) sendNews(ctx context.Context, out *httpserver.EventStream, watcher *journey.Watcher, refs []journey.Ref, asPicture bool) error {
	beat, end := time.NewTicker(s.Beat), time.NewTimer(streamTime)
	defer beat.Stop()
	defer end.Stop()
	for {
		select {
		case events := <-watcher.News:
			html, err := s.newsOf(refs, asPicture, events)
			if err != nil {
				return err
			}
			if err := out.Send(eventNews, html); err != nil {
				return err
			}
			if len(refs) == 1 && refs[0].Version > 0 && len(events) == 1 && events[0].Final() {
				return out.Send(eventEnd, "")
			}
		case <-beat.C:
			reading, cancel := context.WithTimeout(ctx, readTimeout)
			_, err := s.signedIn(reading)
			cancel()
			if errors.Is(err, account.ErrNoUser) || errors.Is(err, errMustChangePassword) {
				return out.Send(eventEnd, "")
			}
			if err := out.Beat(); err != nil {
				return err
			}
		case <-end.C:
			return nil
		case <-s.Journey.Stopped():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// newsOf returns the part of a page that shows the events.
func (s *site) newsOf(refs []journey.Ref, asPicture bool, events []journey.Event) (string, error) {
	var body bytes.Buffer
	if len(refs) == 0 || asPicture {
		err := s.templates["journey"].ExecuteTemplate(&body, "picture", s.newPicture(events))
		return body.String(), err
	}
	way := way{Ref: refs[0]}
	if len(events) > 0 {
		way.Event = newEventView(events[0])
	}
	err := s.templates["form"].ExecuteTemplate(&body, "steps", way)
	return body.String(), err
}

// way is the line under the title of a page: the way of the last change of a thing.
type way struct {
	Ref    journey.Ref
	Stream string     // its address
	Event  *eventView // nil if this service knows nothing of it yet
}

// wayOf returns the line for an event. Without one, or if it cannot be read, it returns nil: a page works without it.
func (s *site) wayOf(ctx context.Context, ref journey.Ref) *way {
	if s.Journey == nil || ref.Topic == "" || ref.Key == "" {
		return nil
	}
	events, err := s.Journey.Now(ctx, ref)
	if err != nil {
		s.Log.WarnContext(ctx, "the way of an event cannot be read", "event", ref.String(), "error", err)
		return nil
	}
	one := &way{Ref: ref}
	if len(events) > 0 {
		one.Event = newEventView(events[0])
	}
	if ref.Version == 0 || one.Event == nil || !one.Event.final {
		one.Stream = s.StreamPath() + "?" + url.Values{paramEvent: {ref.String()}}.Encode()
	}
	return one
}

// refOf returns the event of the last change of a thing. Of a copy, it is the newest one that has arrived: the page shows when a
// newer one comes.
func (r *Resource) refOf(item Item) journey.Ref {
	ref := journey.Ref{Topic: r.Topic, Key: item.Key, Version: item.Version}
	if r.Owner != "" {
		ref.Version = 0
	}
	return ref
}

// popWay returns the line for the last change that the user has made or, on the page of one thing, for the last change of the thing.
func (s *site) popWay(ctx context.Context, data any) *way {
	if s.Journey == nil {
		return nil
	}
	if ref, ok := journey.ParseRef(s.sessions.PopString(ctx, keyWay)); ok {
		return s.wayOf(ctx, ref)
	}
	if p, ok := data.(formPage); ok && !p.New {
		return s.wayOf(ctx, p.refOf(p.Item))
	}
	return nil
}
