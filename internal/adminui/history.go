package adminui

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/journey"
)

// versionsOnPage is the number of versions on one page of a history.
const versionsOnPage = 50

// historyPage is the data of the page with the history of an object.
type historyPage struct {
	Resource *Resource // the list of such things; nil if there is none
	Object   history.Object
	Versions []historyVersion
	Later    bool  // whether there are pages with newer versions
	Older    int64 // where the next page begins; 0 if this is the last one
}

// historyVersion is a version, and what it has changed.
type historyVersion struct {
	history.Version
	Changes []historyChange
	Event   string // the address of the page of its event; empty if the pages have none
}

// historyChange is a field with its values as texts. A field that has or had no value has nil.
type historyChange struct {
	Field    string
	Old, New *string
}

// history shows who has changed an object, when, and what.
func (s *site) history(v visit) error {
	p := historyPage{Object: history.Object{Model: v.r.PathValue("model"), Key: v.r.PathValue("key")}}
	p.Resource = s.resourceOf(p.Object.Model)
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
		shown := historyVersion{Version: one}
		if p.Resource != nil && p.Resource.Topic != "" && s.Journey != nil {
			ref := journey.Ref{Topic: p.Resource.Topic, Key: p.Object.Key, Version: one.Version}
			shown.Event = s.base + pathEvent + "?" + url.Values{paramEvent: {ref.String()}}.Encode()
		}
		for _, f := range one.Fields {
			shown.Changes = append(shown.Changes, historyChange{f.Name, valueText(f.Old), valueText(f.New)})
		}
		p.Versions = append(p.Versions, shown)
	}
	s.render(v.w, v.r, &v.user, http.StatusOK, "history", p)
	return nil
}

// valueText returns a value for people, or nil if there is none.
func valueText(value any) *string {
	if value == nil {
		return nil
	}
	text := fmt.Sprint(value)
	return &text
}
