package adminmessages

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/journey"
)

// letterStates are the states of dead letters, with allStates first for a filter that keeps all.
var letterStates = []string{consumer.Open, consumer.Replayed, consumer.Superseded, consumer.Discarded, allStates}

const allStates = "all"

// lettersPage is the data of the list of dead letters.
type lettersPage struct {
	State, Topic, Code, Key string
	Kinds                   []consumer.DeadLetterKind // of failures, if no filter is set
	States, Topics          []string
	Letters                 []consumer.DeadLetter
	Count                   int
	Older, First            string // the addresses of the next part and of the first one; empty if there are none
	ReplayAll               string // the address of the action for all that match
	DiscardAll              string
	Filtered                bool
}

// mostKinds is how many kinds of failure the page shows.
const mostKinds = 20

// MayClose reports whether all dead letters that match can be replayed or discarded.
func (p lettersPage) MayClose() bool { return p.State == consumer.Open && p.Count > 0 }

// Mixed reports whether the list can have dead letters in several states.
func (p lettersPage) Mixed() bool { return p.State == allStates }

func (p *Pages) deadLetters(v *adminui.Visit) error {
	ctx, in := v.R.Context(), input{v.R, v.R.URL.Query()}
	after, err := in.number("after")
	if err != nil {
		return err
	}
	f, page, err := p.letterFilter(in)
	if err != nil {
		return err
	}
	if page.Count, err = consumer.CountDeadLetters(ctx, p.Repair.Pool, f); err != nil {
		return err
	}
	f.After, f.Limit = after, rows+1
	if page.Letters, err = consumer.ListDeadLetters(ctx, p.Repair.Pool, f); err != nil {
		return err
	}
	if !page.Filtered && after == 0 {
		if page.Kinds, err = consumer.DeadLetterKinds(ctx, p.Repair.Pool, mostKinds); err != nil {
			return err
		}
	}
	query := page.query()
	same := "?" + query.Encode()
	page.ReplayAll, page.DiscardAll = v.Path()+"/dead-letters/replay"+same, v.Path()+"/dead-letters/discard"+same
	if after > 0 {
		page.First = v.Path() + "/dead-letters" + same
	}
	if len(page.Letters) > rows {
		page.Letters = page.Letters[:rows]
		query.Set("after", strconv.FormatInt(page.Letters[rows-1].ID, 10))
		page.Older = "?" + query.Encode()
	}
	return v.Render(http.StatusOK, "letters", page)
}

// letterFilter returns the filter that an address or a form has. Open dead letters are the default.
func (p *Pages) letterFilter(in input) (consumer.DeadLetterFilter, lettersPage, error) {
	values, err := in.texts("state", "topic", "code", "key")
	if err != nil {
		return consumer.DeadLetterFilter{}, lettersPage{}, err
	}
	page := lettersPage{State: values[0], Topic: values[1], Code: values[2], Key: values[3], States: letterStates, Topics: p.Repair.Consumes}
	if page.State == "" {
		page.State = consumer.Open
	}
	if !slices.Contains(letterStates, page.State) {
		return consumer.DeadLetterFilter{}, page, malformed("There is no such state of dead letters.")
	}
	page.Filtered = page.Topic != "" || page.Code != "" || page.Key != "" || page.State != consumer.Open
	f := consumer.DeadLetterFilter{State: page.State, Topic: page.Topic, Code: page.Code, Key: page.Key}
	if f.State == allStates {
		f.State = ""
	}
	return f, page, nil
}

// query returns the filter as the query of an address.
func (p lettersPage) query() url.Values {
	query := url.Values{}
	if p.State != consumer.Open {
		query.Set("state", p.State)
	}
	set(query, "topic", p.Topic)
	set(query, "code", p.Code)
	set(query, "key", p.Key)
	return query
}

// letterPage is the data of the page of one dead letter.
type letterPage struct {
	consumer.DeadLetterDetail
	Payload adminui.Payload
	Size    int
	Open    bool
	Steps   []step
	Event   string // the name of the event for its page; empty if its version is not known
}

func (p *Pages) deadLetter(v *adminui.Visit) error {
	letter, err := p.letterOf(v.R.Context(), v.R)
	if err != nil {
		return answerRefusal(err)
	}
	page := letterPage{DeadLetterDetail: letter, Size: len(letter.RawValue), Open: letter.State == consumer.Open}
	if page.Open {
		page.Steps = stepsFor(v, letterSteps(letter.DeadLetter))
	}
	if letter.Value != nil {
		page.Payload = adminui.NewPayload(*letter.Value)
	}
	if letter.Version != nil {
		page.Event = journey.Ref{Topic: letter.Topic, Key: letter.Key, Version: *letter.Version}.String()
	}
	return v.Render(http.StatusOK, "letter", page)
}

// payload answers with the bytes that were received, as a file.
func (p *Pages) payload(v *adminui.Visit) error {
	letter, err := p.letterOf(v.R.Context(), v.R)
	if err != nil {
		return answerRefusal(err)
	}
	h := v.W.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", fmt.Sprintf(`attachment; filename="dead-letter-%d.bin"`, letter.ID))
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = v.W.Write(letter.RawValue) // the client may be gone
	return nil
}

// letterOf returns the dead letter whose id is in the path.
func (p *Pages) letterOf(ctx context.Context, r *http.Request) (consumer.DeadLetterDetail, error) {
	id, err := idOf(r, "There is no dead letter with this number.")
	if err != nil {
		return consumer.DeadLetterDetail{}, err
	}
	return consumer.ShowDeadLetter(ctx, p.Repair.Pool, id)
}

// idOf returns the id in the path of a request.
func idOf(r *http.Request, none string) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, apperr.New(apperr.NotFound, none)
	}
	return id, nil
}

// letterActions are what a person can do with dead letters.
func (p *Pages) letterActions() []action {
	return []action{
		{path: "/dead-letters/{id}/replay", role: account.Editor, ask: p.askAboutLetter(replaying), do: p.closeLetter(replaying)},
		{path: "/dead-letters/{id}/discard", role: account.Admin, reason: true, ask: p.askAboutLetter(discarding), do: p.closeLetter(discarding)},
		{path: "/dead-letters/replay", role: account.Editor, ask: p.askAboutLetters(replaying), do: p.closeLetters(replaying)},
		{path: "/dead-letters/discard", role: account.Admin, reason: true, ask: p.askAboutLetters(discarding), do: p.closeLetters(discarding)},
	}
}

// closing is a way to close dead letters.
type closing struct {
	Name, Done string
	Danger     bool
	Follows    []string
}

var (
	replaying = closing{Name: "replay", Done: "replayed", Follows: []string{
		"The service applies the event again, with its present rules. If the copy already has a newer version, nothing changes.",
		"If the event fails again, it stays here with the new reason. Nothing is lost.",
	}}
	discarding = closing{Name: "discard", Done: "discarded", Danger: true, Follows: []string{
		"The event is never applied. This cannot be undone. The record of it is kept.",
		"The copies of this service miss what the event says, until a newer event with the same key arrives.",
	}}
)

// closer returns the function of the consumer.
func (p *Pages) closer(c closing) func(ctx context.Context, id int64, by, reason string) (consumer.DeadLetter, error) {
	if c.Name == replaying.Name {
		return p.Replay
	}
	return p.Discard
}

func (p *Pages) askAboutLetter(c closing) func(context.Context, input) (question, error) {
	return func(ctx context.Context, in input) (question, error) {
		letter, err := p.letterOf(ctx, in.r)
		if err != nil {
			return question{}, err
		}
		if letter.State != consumer.Open {
			return question{}, conflict(fmt.Sprintf("Dead letter %d is already %s.", letter.ID, letter.State))
		}
		return question{
			Title: fmt.Sprintf("%s dead letter %d?", adminui.Capital(c.Name), letter.ID), Button: adminui.Capital(c.Name), Danger: c.Danger,
			Facts: []fact{
				{"Topic", letter.Topic}, {"Key", letter.Key}, {"Stored", adminui.TimeText(letter.CreatedAt)}, {"Reason of the failure", letter.Reason},
			},
			Follows: c.Follows, Back: fmt.Sprintf("/dead-letters/%d", letter.ID),
		}, nil
	}
}

func (p *Pages) closeLetter(c closing) func(context.Context, audit.Operator, input) (outcome, error) {
	return func(ctx context.Context, by audit.Operator, in input) (outcome, error) {
		id, err := idOf(in.r, "There is no dead letter with this number.")
		if err != nil {
			return outcome{}, err
		}
		letter, err := p.closer(c)(ctx, id, by.By, by.Reason)
		if err != nil {
			return outcome{}, err
		}
		note := fmt.Sprintf("Dead letter %d is %s.", letter.ID, letter.State)
		if letter.State == consumer.Replayed && letter.Note != nil && *letter.Note != "" {
			note += " " + adminui.Sentence(*letter.Note)
		}
		return outcome{"/dead-letters", note}, nil
	}
}
