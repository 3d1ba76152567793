package adminui

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/monsplit/monsplit/internal/apperr"
)

// keep returns what a person has typed into a form, encoded, if the session has ended meanwhile. The page for the sign-in keeps
// it in a hidden field, so that nothing is lost. Passwords are never kept.
func keep(r *http.Request) string {
	if r.Method != http.MethodPost || r.PostForm.Has("password") {
		return ""
	}
	return r.PostForm.Encode()
}

// keptForm is the data of the page on which a person sends a form again, after the sign-in.
type keptForm struct {
	Action string // the address of the form
	Values url.Values
	Of     string // what the form is about; empty if that is not known
	Typed  []Fact // what the person has typed, for the person to see
}

// showKept asks the person whether to send the form that was kept, and shows what is in it. It sends nothing by itself: the person
// may be another one.
func (s *site) showKept(ctx context.Context, v visit, next, kept string) {
	values, err := url.ParseQuery(kept)
	if err != nil {
		s.failFor(v.w, v.r, &v.user, apperr.New(apperr.Malformed, "The form that was kept cannot be read.").Because(err))
		return
	}
	p := keptForm{Action: next, Values: values}
	if r, place := s.placeOf(next); r != nil {
		err = p.describe(ctx, r, place)
	} else {
		p.list()
	}
	if err != nil {
		s.failFor(v.w, v.r, &v.user, err)
		return
	}
	s.render(v.w, v.r, &v.user, http.StatusOK, "kept", p)
}

// placeOf returns the list to which the address of a form belongs, and the rest of its path. Another address has no list.
func (s *site) placeOf(address string) (*Resource, string) {
	path, _, _ := strings.Cut(address, "?")
	for i := range s.Resources {
		if place, found := strings.CutPrefix(path, s.pathOf(&s.Resources[i])+"/"); found {
			return &s.Resources[i], place
		}
	}
	return nil, ""
}

// describe says what the form of a list does, and adds what was typed into it.
func (p *keptForm) describe(ctx context.Context, r *Resource, place string) error {
	if place == "do" {
		p.list()
		if a, known := r.action(p.Values.Get(inputAction)); known {
			p.Of = a.Title + " " + r.Many
		}
		return nil
	}
	place, deletes := strings.CutSuffix(place, "/delete")
	p.Of = "New " + r.One
	if place != "new" {
		id, _ := url.PathUnescape(place) // no thing has a broken id
		item, err := r.Get(ctx, id)
		if err != nil && apperr.KindOf(err) != apperr.NotFound {
			return err
		}
		p.Of = cmp.Or(item.Title, "A "+r.One+" that does not exist any more")
	}
	if deletes {
		p.Of = "Delete: " + p.Of
		return nil
	}
	for _, f := range r.Fields {
		if f.Fixed && place != "new" {
			continue
		}
		view := fieldView{Field: f, Value: p.Values.Get(f.Name)}
		if f.Kind == PickField {
			if err := view.pick(ctx, false); err != nil {
				return err
			}
		}
		p.Typed = append(p.Typed, Fact{f.Title, TextCell(view.Shown())})
	}
	return nil
}

// unseen are the names of the inputs that a person does not type.
var unseen = []string{inputVersion, inputChoose, inputAction, inputPick, inputAll, inputConfirmed, buttonDo, buttonFind, paramList, paramSearch, paramSort, "next"}

// list adds what was typed into another form, by the names of its inputs.
func (p *keptForm) list() {
	for name, values := range p.Values {
		for _, value := range values {
			if value != "" && !slices.Contains(unseen, name) && !strings.Contains(name, ".") {
				p.Typed = append(p.Typed, Fact{Capital(strings.ReplaceAll(name, "_", " ")), TextCell(value)})
			}
		}
	}
	slices.SortFunc(p.Typed, func(a, b Fact) int { return strings.Compare(a.Name, b.Name) })
}
