package adminui

import (
	"context"
	"net/http"
	"net/url"

	"github.com/monsplit/monsplit/internal/history"
)

// conflictPage shows a thing that was changed while a person edited it. For each field that differs, the person chooses a side.
// The page is a form of the newer version: each choice is an input with the name of the field.
type conflictPage struct {
	*Resource
	Item   Item
	Saved  *history.Version // by whom, and when; nil if that is not known
	Fields []sides
	Button string
	List   string // as in formPage
	Back   string // the thing, without the values of the person
}

// sides are the two values of a field.
type sides struct {
	fieldView
	Differs bool
	Stored  fieldView // as it is stored now
	// Mine and Theirs report which side is chosen at first: the one that was changed. If both were changed, none is.
	Mine, Theirs bool
}

func (s *site) showConflict(v visit, r *Resource, item Item, in input) error {
	p := conflictPage{Resource: r, Item: item, Button: in.button, List: in.list.Encode(), Back: withList(s.pathOf(r)+"/"+url.PathEscape(item.ID), in.list)}
	for _, f := range r.Fields {
		stored := fieldView{Field: f, Value: item.Values[f.Name]}
		entered := fieldView{Field: f, Value: in.values[f.Name], Was: in.was[f.Name]}
		one := sides{fieldView: entered, Stored: stored, Differs: entered.Value != stored.Value && !f.Fixed}
		if one.Differs {
			one.Theirs = entered.Value == entered.Was
			one.Mine = stored.Value == entered.Was
		}
		if f.Kind == PickField {
			for _, side := range []*fieldView{&one.fieldView, &one.Stored} {
				if err := side.pick(v.r.Context(), false); err != nil {
					return err
				}
			}
		}
		p.Fields = append(p.Fields, one)
	}
	var err error
	if p.Saved, err = s.lastChange(v.r.Context(), r, item); err != nil {
		return err
	}
	s.render(v.w, v.r, &v.user, http.StatusConflict, "conflict", p)
	return nil
}

// lastChange returns what the history says about the version of an item. It is nil if this service does not own the thing, or keeps no
// history of this version.
func (s *site) lastChange(ctx context.Context, r *Resource, item Item) (*history.Version, error) {
	if r.Model == "" || item.Key == "" {
		return nil, nil
	}
	versions, err := s.History.List(ctx, history.Object{Model: r.Model, Key: item.Key}, history.Newest, 1)
	if err != nil || len(versions) == 0 || versions[0].Version != item.Version {
		return nil, err
	}
	return &versions[0], nil
}
