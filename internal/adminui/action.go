package adminui

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/apperr"
)

// mostAtOnce is the largest number of things that one action changes. Each is a transaction of its own, and a request must end
// before its time-out.
const mostAtOnce = 1000

// The inputs of an action, beside the parameters of the list.
const (
	inputAction    = "action"
	inputPick      = "pick" // the id and version of a row
	inputAll       = "all"  // all things that match, and not only those that are picked
	inputConfirmed = "confirmed"
	mostTold       = 5 // failures in a note
)

// confirmPage asks whether to do an action.
type confirmPage struct {
	*Resource
	Action Action
	Count  int
	Number string // of things, for people
	More   bool   // there are more things than one action changes
	All    bool
	Query  listQuery
	Picks  []string // ids and versions
	Titles []string
	Fault  string
	Back   string // the list as it was
}

// Parameters returns the parameters of the list.
func (p confirmPage) Parameters() map[string][]string { return p.Query.params() }

// target is one thing that an action changes.
type target struct {
	id      string
	version int64
	title   string
}

func (s *site) act(r *Resource) func(visit) error {
	return func(v visit) error {
		if err := v.r.ParseForm(); err != nil {
			return apperr.New(apperr.Malformed, "The form cannot be read.").Because(err)
		}
		form, q := v.r.PostForm, r.readQuery(v.r.PostForm)
		action, ok := r.action(form.Get(inputAction))
		if !ok {
			return s.showList(v, r, http.StatusUnprocessableEntity, q, "Choose what to do with the "+r.Many+".")
		}
		all := form.Has(inputAll)
		targets, more, err := r.targets(v.r.Context(), form, q, action)
		if err != nil {
			return err
		}
		switch {
		case len(targets) == 0 && all:
			return s.showList(v, r, http.StatusUnprocessableEntity, q, "There is nothing to do: none of the "+r.Many+" that match can be "+action.Done+".")
		case len(targets) == 0:
			return s.showList(v, r, http.StatusUnprocessableEntity, q, "Select some "+r.Many+" first.")
		}
		p := confirmPage{Resource: r, Action: action, Count: len(targets), Number: r.number(len(targets)), More: more, All: all, Query: q, Back: address(s.pathOf(r), q.params())}
		if confirmed := form.Get(inputConfirmed); confirmed != strconv.Itoa(p.Count) {
			if confirmed != "" {
				p.Fault = "The number has changed in the meantime."
			}
			return s.confirm(v, p, targets)
		}
		return s.carryOut(v, r, action, targets, more, q)
	}
}

func (r *Resource) action(name string) (Action, bool) {
	for _, a := range r.Actions {
		if a.Name == name {
			return a, true
		}
	}
	return Action{}, false
}

// number returns a number of things.
func (r *Resource) number(n int) string {
	switch {
	case n == 1:
		return "1 " + r.One
	case n >= 1000:
		return fmt.Sprintf("%d,%03d %s", n/1000, n%1000, r.Many)
	}
	return strconv.Itoa(n) + " " + r.Many
}

// targets returns what the action changes: the picked things, or all that match. It reports whether there are more.
func (r *Resource) targets(ctx context.Context, form url.Values, q listQuery, a Action) (targets []target, more bool, err error) {
	if form.Has(inputAll) {
		for name, value := range a.Only {
			if chosen := q.Filters[name]; chosen != "" && chosen != value {
				return nil, false, nil
			}
			q = q.with(name, value)
		}
		q.cursor, q.back = "", false
		for row, err := range r.Rows(ctx, q.read(mostAtOnce+1)) {
			if err != nil {
				return nil, false, err
			}
			if len(targets) == mostAtOnce {
				return targets, true, nil
			}
			targets = append(targets, target{row.ID, row.Version, row.Cells[0].String()})
		}
		return targets, false, nil
	}
	for _, pick := range form[inputPick] {
		id, text, _ := strings.Cut(pick, "@")
		version, err := strconv.ParseInt(text, 10, 64)
		if err != nil || len(targets) == pageRows {
			return nil, false, apperr.New(apperr.Malformed, "The selection cannot be read.")
		}
		targets = append(targets, target{id: id, version: version})
	}
	return targets, false, nil
}

// confirm asks whether to do the action. It names the things that were picked.
func (s *site) confirm(v visit, p confirmPage, targets []target) error {
	for _, t := range targets {
		if p.All {
			break
		}
		item, err := p.Get(v.r.Context(), t.id)
		if err != nil && apperr.KindOf(err) != apperr.NotFound {
			return err
		}
		if err != nil {
			item.Title = t.id + " (does not exist any more)"
		}
		p.Titles = append(p.Titles, item.Title)
		p.Picks = append(p.Picks, t.id+"@"+strconv.FormatInt(t.version, 10))
	}
	s.render(v.w, v.r, &v.user, http.StatusOK, "confirm", p)
	return nil
}

// actionTime is how long an action may take, so that the answer arrives before the request times out.
const actionTime = 6 * time.Second

// carryOut does the action to each target. It stops early enough to answer.
func (s *site) carryOut(v visit, r *Resource, a Action, targets []target, more bool, q listQuery) error {
	ctx, begin := v.r.Context(), time.Now()
	to := address(s.pathOf(r), q.params())
	var done int
	var failed []string
	for _, t := range targets {
		if time.Since(begin) > actionTime {
			more = true
			break
		}
		err := a.Do(ctx, t.id, t.version)
		switch e, known := apperr.As(err); {
		case err == nil:
			done++
		case known && isAboutOneThing(e.Kind):
			failed = append(failed, s.why(ctx, r, t, e))
		case done == 0:
			return err
		default: // the person must learn what is done already, and the others would fail too
			s.Log.ErrorContext(ctx, "an action ended early", "action", a.Name, "list", r.Path, "id", t.id, "done", done, "error", err)
			return s.done(v, to, told(r, a, done, failed, false)+" Then the service could not go on. Do it again later for the others.")
		}
	}
	return s.done(v, to, told(r, a, done, failed, more))
}

// isAboutOneThing reports whether an error says nothing about other things.
func isAboutOneThing(kind apperr.Kind) bool {
	switch kind {
	case apperr.Unavailable, apperr.TooMany, apperr.Internal:
		return false
	}
	return true
}

// why says why an action did not change one thing.
func (s *site) why(ctx context.Context, r *Resource, t target, e *apperr.Error) string {
	if t.title == "" {
		t.title = t.id
		if item, err := r.Get(ctx, t.id); err == nil {
			t.title = item.Title
		}
	}
	if e.Kind == apperr.Stale {
		return t.title + " was changed in the meantime."
	}
	return t.title + ": " + e.Detail
}

// told says what an action has done.
func told(r *Resource, a Action, done int, failed []string, more bool) string {
	be := "are"
	if done == 1 {
		be = "is"
	}
	note := []string{r.number(done) + " " + be + " " + a.Done + "."}
	if len(failed) > 0 {
		note = append(note, r.number(len(failed))+" could not be "+a.Done+":")
		note = append(note, failed[:min(len(failed), mostTold)]...)
		if left := len(failed) - mostTold; left > 0 {
			note = append(note, fmt.Sprintf("And %d more.", left))
		}
	}
	if more {
		note = append(note, "More "+r.Many+" match. Do it again for the next ones.")
	}
	return strings.Join(note, " ")
}
