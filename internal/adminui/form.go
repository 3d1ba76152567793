package adminui

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/journey"
)

// formPage is the data of the page of one thing: a form, or a description for those who may not change it.
type formPage struct {
	*Resource
	Item      Item
	New       bool
	MayChange bool
	MayDelete bool
	Fields    []fieldView
	Faults    []string // that belong to no field
	Back      string   // the list from which the person has come
	List      string   // its parameters, for the form
	Removal   string   // the page that asks whether to delete the thing
}

// fieldView is a field with its value.
type fieldView struct {
	Field
	Value   string
	Picked  string // the title of the value, for PickField
	Was     string // the value when the form was first shown
	Locked  bool
	Faults  []string
	Search  string // what was searched, for PickField
	Choices []Choice
}

// Shown returns the value for a person who cannot change it.
func (f fieldView) Shown() string {
	switch {
	case f.Kind == BoxField:
		return map[bool]string{false: "No", true: "Yes"}[f.Value == On]
	case f.Value == "":
		return "–"
	case f.Kind == PickField:
		return f.Picked
	}
	return f.Value
}

func (s *site) showNew(r *Resource) func(visit) error {
	return func(v visit) error {
		values := Values{}
		for _, f := range r.Fields {
			values[f.Name] = v.r.URL.Query().Get(f.Name) // a link can fill in some fields
		}
		return s.showForm(v, r, http.StatusOK, Item{Values: values}, input{values: values, list: r.readList(v.r.URL.Query().Get(paramList))}, nil)
	}
}

func (s *site) showItem(r *Resource) func(visit) error {
	return func(v visit) error {
		item, err := r.Get(v.r.Context(), v.r.PathValue("id"))
		if err != nil {
			return err
		}
		return s.showForm(v, r, http.StatusOK, item, input{values: item.Values, was: item.Values, list: r.readList(v.r.URL.Query().Get(paramList))}, nil)
	}
}

// showForm shows the page of a thing with what a person has entered.
func (s *site) showForm(v visit, r *Resource, status int, item Item, in input, fault error) error {
	isNew := item.ID == ""
	editor := v.user.Role.Includes(account.Editor)
	p := formPage{
		Resource: r, Item: item, New: isNew, MayDelete: editor && r.Delete != nil && !isNew && !item.Locked,
		MayChange: editor && (isNew && r.Create != nil || !isNew && r.Change != nil && !item.Locked),
		Back:      address(s.pathOf(r), in.list), List: in.list.Encode(), Removal: withList(s.pathOf(r)+"/"+url.PathEscape(item.ID)+"/delete", in.list),
	}
	faults := r.sortFaults(fault)
	p.Faults = faults[""]
	for _, f := range r.Fields {
		view := fieldView{Field: f, Value: in.values[f.Name], Was: in.was[f.Name], Search: in.search[f.Name], Faults: faults[f.Name]}
		if view.Locked = f.Fixed && !isNew; view.Locked {
			view.Value = item.Values[f.Name]
		}
		if f.Kind == PickField {
			if err := view.pick(v.r.Context(), p.MayChange); err != nil {
				return err
			}
		}
		p.Fields = append(p.Fields, view)
	}
	s.render(v.w, v.r, &v.user, status, "form", p)
	return nil
}

// pick adds the title of the value, and some choices.
func (f *fieldView) pick(ctx context.Context, choose bool) (err error) {
	if f.Value != "" {
		if f.Picked, err = f.Label(ctx, f.Value); apperr.KindOf(err) == apperr.NotFound {
			f.Picked, err = f.Value+" (does not exist)", nil
		}
		if err != nil {
			return err
		}
	}
	if !choose || f.Locked {
		return nil
	}
	found, err := f.Find(ctx, f.Search)
	if err != nil {
		return err
	}
	if f.Value != "" {
		f.Choices = append(f.Choices, Choice{f.Value, f.Picked})
	}
	for _, c := range found {
		if c.Value != f.Value {
			f.Choices = append(f.Choices, c)
		}
	}
	return nil
}

// find answers with the choices of a field that match a text. The script of the pages asks for them.
func (s *site) find(r *Resource) func(visit) error {
	return func(v visit) error {
		for _, f := range r.Fields {
			if f.Kind == PickField && f.Name == v.r.PathValue("field") {
				search := v.r.URL.Query().Get(paramSearch)
				found, err := f.Find(v.r.Context(), clean(search))
				if err != nil {
					return err
				}
				s.renderPart(v.w, v.r, "choices", fieldView{Field: f, Search: search, Choices: found})
				return nil
			}
		}
		return s.nothing(v)
	}
}

func (s *site) create(r *Resource) func(visit) error {
	return func(v visit) error {
		in := r.read(v.r.PostForm)
		fault := r.dates(in.values)
		if in.find != "" {
			return s.showForm(v, r, http.StatusOK, Item{}, in, nil)
		}
		var saved Saved
		if fault == nil {
			saved, fault = r.Create(v.r.Context(), in.values)
		}
		if status, again := s.refused(v, fault); again {
			return s.showForm(v, r, status, Item{}, in, fault)
		}
		if fault != nil {
			return fault
		}
		return s.saved(v, r, in, saved, "created")
	}
}

func (s *site) changeItem(r *Resource) func(visit) error {
	return func(v visit) error {
		in := r.read(v.r.PostForm)
		ctx, id := v.r.Context(), v.r.PathValue("id")
		item, err := r.Get(ctx, id)
		if err != nil {
			return err
		}
		if in.version < item.Version || in.undecided {
			return s.showConflict(v, r, item, in)
		}
		if in.find != "" {
			return s.showForm(v, r, http.StatusOK, item, in, nil)
		}
		fault := r.dates(in.values)
		var saved Saved
		if fault == nil {
			saved, fault = r.Change(ctx, id, in.version, in.values)
		}
		if apperr.KindOf(fault) == apperr.Stale {
			if item, err = r.Get(ctx, id); err != nil {
				return err
			}
			if item.Version > in.version {
				return s.showConflict(v, r, item, in)
			}
			fault = apperr.New(apperr.Conflict, "The owner already has a newer version, which has not arrived here. Try again in a moment.")
		}
		if status, again := s.refused(v, fault); again {
			return s.showForm(v, r, status, item, in, fault)
		}
		if fault != nil {
			return fault
		}
		return s.saved(v, r, in, saved, "saved")
	}
}

// saved leads to the page that the pressed button asks for.
func (s *site) saved(v visit, r *Resource, in input, saved Saved, done string) error {
	note := saved.Note
	if note == "" {
		note = "The " + r.One + " is " + done + "."
	}
	path := s.pathOf(r)
	item := withList(path+"/"+url.PathEscape(saved.ID), in.list)
	to := map[string]string{doAnother: withList(path+"/new", in.list), doContinue: item}[in.button]
	switch {
	case saved.Pending:
		to = item
	case to == "":
		to = address(path, in.list)
	}
	if to != item && !in.deletes {
		s.sessions.Put(v.r.Context(), keyNoted, path+"/"+url.PathEscape(saved.ID))
	}
	if r.Topic != "" && saved.Key != "" {
		s.sessions.Put(v.r.Context(), keyWay, journey.Ref{Topic: r.Topic, Key: saved.Key, Version: saved.Version}.String())
	}
	return s.done(v, to, note)
}

// refused returns the status of a form that a person can correct, or send again, and logs the error if an operator may have to act.
func (s *site) refused(v visit, err error) (status int, again bool) {
	if status, again = refused(v.w, err); again {
		s.record(v.r.Context(), status, err)
	}
	return status, again
}

// refused returns the status of a form that a person can correct, or send again. It sets the headers that the status calls for.
func refused(w http.ResponseWriter, err error) (status int, again bool) {
	e, known := apperr.As(err)
	if !known || e.Kind == apperr.Internal || e.Kind == apperr.NotFound || e.Kind == apperr.Stale {
		return 0, false
	}
	status = httpserver.StatusOf(e.Kind)
	httpserver.SetRetryAfter(w.Header(), status, e.Kind)
	return status, true
}

// sortFaults returns the faults of each field as sentences. Those that belong to no field have the name "".
func (r *Resource) sortFaults(err error) map[string][]string {
	faults := map[string][]string{}
	e, ok := apperr.As(err)
	if !ok {
		return faults
	}
	for _, f := range e.Fields {
		name := strings.TrimPrefix(f.Pointer, "/")
		if !r.has(name) {
			name = ""
		}
		faults[name] = append(faults[name], Sentence(NamedByTitle(r.Fields, f.Detail)))
	}
	if len(faults) == 0 {
		name := r.FieldOf[e.Name()]
		faults[name] = append(faults[name], e.Detail)
	}
	return faults
}

func (r *Resource) has(field string) bool {
	for _, f := range r.Fields {
		if f.Name == field {
			return true
		}
	}
	return false
}
