package adminui

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/caller"
	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/journey"
)

// versionsOnPage is the number of versions on one page of a history.
const versionsOnPage = 50

// historyPage is the data of the page with the history of an object.
type historyPage struct {
	Resource *Resource // the list of such things
	Object   history.Object
	Thing    Item // zero if it is not known, for example because it is deleted
	Versions []historyVersion
	Later    bool  // whether there are pages with newer versions
	Older    int64 // where the next page begins; 0 if this is the last one
}

// historyVersion is a version, and what it has changed.
type historyVersion struct {
	history.Version
	Changes []historyChange
	Reason  string // what led to the change: its kind, before its id
	Event   string // the address of the page of its event; empty if the pages have none
}

// historyChange is a field with its values as texts. A field that has or had no value has nil.
type historyChange struct {
	Field    string
	Old, New *string
}

// paramThing has the id of the thing to which a history belongs. The page of the thing sets it: a history knows only the key.
const paramThing = "thing"

// history shows who has changed an object, when, and what. Only things of a model that this service owns have one.
func (s *site) history(v visit) error {
	p := historyPage{Object: history.Object{Model: v.r.PathValue("model"), Key: v.r.PathValue("key")}}
	if p.Resource = s.resourceOf(p.Object.Model); p.Resource == nil {
		return s.nothing(v)
	}
	if err := p.findThing(v.r.Context(), v.r.URL.Query().Get(paramThing)); err != nil {
		return err
	}
	before, err := strconv.ParseInt(v.r.URL.Query().Get("before"), 10, 64)
	if p.Later = err == nil && before > 0; !p.Later {
		before = history.Newest
	}
	versions, err := s.History.List(v.r.Context(), p.Object, before, versionsOnPage+1)
	if err != nil {
		return err
	}
	if len(versions) > versionsOnPage {
		versions = versions[:versionsOnPage]
		p.Older = versions[versionsOnPage-1].ID
	}
	for _, one := range versions {
		shown := historyVersion{Version: one, Reason: reasonKind(one.Actor)}
		if p.Resource.Topic != "" && s.Journey != nil {
			ref := journey.Ref{Topic: p.Resource.Topic, Key: p.Object.Key, Version: one.Version}
			shown.Event = s.base + pathEvent + "?" + url.Values{paramEvent: {ref.String()}}.Encode()
		}
		for _, f := range one.Fields {
			shown.Changes = append(shown.Changes, historyChange{p.Resource.titleOf(f.Name), valueText(f.Old), valueText(f.New)})
		}
		p.Versions = append(p.Versions, shown)
	}
	s.render(v.w, v.r, &v.user, http.StatusOK, "history", p)
	return nil
}

// findThing reads the thing, if it still exists. The id may be empty: the key of some things is their id.
func (p *historyPage) findThing(ctx context.Context, id string) error {
	item, err := p.Resource.Get(ctx, cmp.Or(id, p.Object.Key))
	switch {
	case err == nil && item.Key == p.Object.Key:
		p.Thing = item
	case err != nil && apperr.KindOf(err) != apperr.NotFound:
		return err
	}
	return nil
}

// Title names the object for people, if that is possible.
func (p historyPage) Title() string {
	return cmp.Or(p.Thing.Title, p.Resource.One+" "+p.Object.Key)
}

// Query returns the parameters of the page with the versions before one, or of the first page.
func (p historyPage) Query(before int64) string {
	params := url.Values{}
	if p.Thing.ID != "" {
		params.Set(paramThing, p.Thing.ID)
	}
	if before > 0 {
		params.Set("before", strconv.FormatInt(before, 10))
	}
	return "?" + params.Encode()
}

// reasonKind says what the id of a cause is the id of.
func reasonKind(a history.Actor) string {
	switch caller.Kind(a.Kind) {
	case caller.KindEvent:
		return "event"
	case caller.KindRequest:
		return "change request"
	}
	return "HTTP request"
}

// valueText returns a value for people, or nil if there is none.
func valueText(value any) *string {
	if value == nil {
		return nil
	}
	text := fmt.Sprint(value)
	return &text
}
