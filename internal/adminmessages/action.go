package adminmessages

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// action is a change that a person confirms first.
type action struct {
	path   string
	role   account.Role
	reason bool // a reason is required
	// ask finds out what the action would change. It changes nothing.
	ask func(ctx context.Context, in input) (question, error)
	do  func(ctx context.Context, by audit.Operator, in input) (outcome, error)
}

// question asks whether to do an action.
type question struct {
	Title, Button string
	Danger        bool
	Facts         []fact
	Follows       []string   // what follows, in sentences
	Keep          url.Values // what the form sends again
	Others        []link     // the same question about something else
	Offset        *offsetForm
	Back          string // the page that lists such things, below the section's first page

	NeedsReason   bool
	Reason, Fault string
	Action        string // where the form goes
}

// fact is a value with its name.
type fact struct{ Name, Value string }

// link leads to a page below the section.
type link struct{ Path, Text string }

// offsetForm lets a person choose an offset, and asks again about it.
type offsetForm struct {
	Action string // below the section
	Keep   url.Values
}

// outcome is where a person goes after an action, and what the page says there.
type outcome struct{ path, note string }

// input is what a form or an address says.
type input struct {
	r      *http.Request
	values url.Values
}

// text returns a value that PostgreSQL can store, or an error.
func (in input) text(name string) (string, error) {
	value := in.values.Get(name)
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) || len(value) > mostInput {
		return "", apperr.New(apperr.Malformed, "The value of “"+name+"” cannot be used.")
	}
	return value, nil
}

const mostInput = 2000 // bytes

// texts returns several values.
func (in input) texts(names ...string) ([]string, error) {
	all := make([]string, len(names))
	for i, name := range names {
		value, err := in.text(name)
		if err != nil {
			return nil, err
		}
		all[i] = value
	}
	return all, nil
}

// routes returns the page that asks, and the action itself.
func (a action) routes() []adminui.Route {
	return []adminui.Route{
		{Method: http.MethodGet, Path: a.path, Role: a.role, Do: a.show},
		{Method: http.MethodPost, Path: a.path, Role: a.role, Do: a.carryOut},
	}
}

func (a action) show(v *adminui.Visit) error {
	return a.showAgain(v, input{v.R, v.R.URL.Query()}, http.StatusOK, "")
}

func (a action) showAgain(v *adminui.Visit, in input, status int, fault string) error {
	q, err := a.ask(v.R.Context(), in)
	if err != nil {
		return answerRefusal(err)
	}
	q.NeedsReason, q.Reason, q.Fault, q.Action = a.reason, in.values.Get("reason"), fault, v.R.URL.Path
	return v.Render(status, "confirm", q)
}

func (a action) carryOut(v *adminui.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return apperr.New(apperr.Malformed, "The form cannot be read.").Because(err)
	}
	in := input{v.R, v.R.PostForm}
	by := audit.Operator{By: v.User.Name, Reason: strings.TrimSpace(strings.ReplaceAll(in.values.Get("reason"), "\r\n", "\n"))}
	if faults := by.Faults(a.reason); len(faults) > 0 {
		return a.showAgain(v, in, http.StatusUnprocessableEntity, adminui.Sentence(errors.Join(faults...).Error()))
	}
	done, err := a.do(v.R.Context(), by, in)
	if err != nil {
		if e, is := refusal(err); is && e.Kind != apperr.NotFound {
			return a.showAgain(v, in, httpserver.StatusOf(e.Kind), e.Detail)
		}
		return answerRefusal(err)
	}
	return v.Leave(done.path, done.note)
}

// answerRefusal answers with the page for errors if a person can understand the error. All others are errors of the service.
func answerRefusal(err error) error {
	if e, is := refusal(err); is {
		return e
	}
	return err
}

// refusal returns the error that says why an action is impossible.
func refusal(err error) (e *apperr.Error, is bool) {
	var letter *consumer.Error
	switch {
	case errors.As(err, &letter) && letter.Code == consumer.CodeNotFound:
		return apperr.New(apperr.NotFound, adminui.Sentence(letter.Detail)), true
	case errors.As(err, &letter) && letter.Code == consumer.CodeInvalid:
		return apperr.New(apperr.Invalid, adminui.Sentence(letter.Detail)), true
	case errors.As(err, &letter):
		return apperr.New(apperr.Conflict, adminui.Sentence(letter.Detail)), true
	case errors.Is(err, outbox.ErrAllPaused):
		return apperr.New(apperr.Conflict, "Sending is paused as a whole. Resume all of it."), true
	case errors.Is(err, outbox.ErrNotBlocked):
		return apperr.New(apperr.Conflict, adminui.Sentence(outbox.ErrNotBlocked.Error())), true
	case apperr.KindOf(err) == apperr.Conflict:
		return apperr.As(err)
	}
	return nil, false
}

func conflict(text string) error { return apperr.New(apperr.Conflict, text) }

func malformed(text string) error { return apperr.New(apperr.Malformed, text) }
