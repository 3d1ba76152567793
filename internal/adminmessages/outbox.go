package adminmessages

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

// outboxPage is the data of the page about the outbox.
type outboxPage struct {
	outbox.Status
	Stops      stops
	Oldest     string // the age of the oldest unsent event
	Topics     []string
	Topic, Key string
	Unsent     []eventRow
	Sent       []eventRow
	OlderUnsent,
	OlderSent string // the queries of the next parts; empty if there are none
	First bool // it is the first part of both lists
}

// eventRow is an event as the page shows it.
type eventRow struct {
	outbox.ListedEvent
	Age     string
	Refused *outbox.BlockedAggregate // Kafka refuses an event of this aggregate; nil if not
}

func (p *Pages) outbox(v *adminui.Visit) error {
	ctx, in := v.R.Context(), input{v.R, v.R.URL.Query()}
	page := outboxPage{Topics: p.Repair.Publishes}
	names, err := in.texts("topic", "key")
	if err != nil {
		return err
	}
	page.Topic, page.Key = names[0], names[1]
	unsentBefore, err := in.number("unsent")
	if err != nil {
		return err
	}
	before, err := in.number("before")
	if err != nil {
		return err
	}
	page.First = unsentBefore == 0 && before == 0
	if page.Status, err = outbox.ReadStatus(ctx, p.Repair.Pool); err != nil {
		return err
	}
	page.Stops = p.sendingStops(page.Status)
	if page.OldestPending != nil {
		page.Oldest = adminui.Duration(time.Duration(page.OldestAge * float64(time.Second)))
	}
	filter := outbox.EventFilter{Topic: page.Topic, Key: page.Key, Limit: rows + 1}
	filter.Pending, filter.Before = true, unsentBefore
	if page.Unsent, page.OlderUnsent, err = p.events(ctx, filter, page, "unsent"); err != nil {
		return err
	}
	filter.Pending, filter.Before = false, before
	if page.Sent, page.OlderSent, err = p.events(ctx, filter, page, "before"); err != nil {
		return err
	}
	return v.Render(http.StatusOK, "outbox", page)
}

// events returns a part of the events, and the query of the next part. The name is the parameter with its begin.
func (p *Pages) events(ctx context.Context, f outbox.EventFilter, page outboxPage, name string) (list []eventRow, older string, err error) {
	events, err := outbox.ListEvents(ctx, p.Repair.Pool, f)
	if err != nil {
		return nil, "", err
	}
	if len(events) > rows {
		events = events[:rows]
		query := url.Values{name: {strconv.FormatInt(events[rows-1].Seq, 10)}}
		set(query, "topic", page.Topic)
		set(query, "key", page.Key)
		older = "?" + query.Encode()
	}
	refused := map[[2]string]*outbox.BlockedAggregate{}
	for i, b := range page.Blocked {
		refused[[2]string{b.Topic, b.Key}] = &page.Blocked[i]
	}
	for _, e := range events {
		row := eventRow{ListedEvent: e, Age: adminui.Duration(p.now().Sub(e.Time))}
		if !e.Sent && !e.Discarded {
			row.Refused = refused[[2]string{e.Topic, e.Key}]
		}
		list = append(list, row)
	}
	return list, older, nil
}

func set(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}

// number returns a positive number, or 0 if it is left out.
func (in input) number(name string) (int64, error) {
	text := in.values.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, malformed("“" + name + "” has to be a positive number.")
	}
	return n, nil
}

// outboxActions are what a person can do with events that Kafka refuses.
func (p *Pages) outboxActions() []action {
	return []action{
		{path: "/outbox/retry", role: account.Editor, ask: p.askToRetry, do: p.retry},
		{path: "/outbox/discard", role: account.Admin, reason: true, ask: p.askToDiscardEvent, do: p.discardEvent},
	}
}

func refusedOf(in input) (repair.Refused, error) {
	names, err := in.texts("topic", "key")
	if err != nil {
		return repair.Refused{}, err
	}
	return repair.Refused{Topic: names[0], Key: names[1]}, nil
}

func keep(r repair.Refused) url.Values {
	values := url.Values{}
	set(values, "topic", r.Topic)
	set(values, "key", r.Key)
	return values
}

func (p *Pages) askToRetry(ctx context.Context, in input) (question, error) {
	which, err := refusedOf(in)
	if err != nil {
		return question{}, err
	}
	which.DryRun = true
	found, err := repair.RetryRefused(ctx, p.Repair.Pool, audit.Operator{}, which)
	if err != nil {
		return question{}, err
	}
	if len(found) == 0 {
		return question{}, conflict("Kafka refuses no event any more. Nothing is left to try again.")
	}
	q := question{
		Title: "Try the refused events of " + counted(len(found), "key", "keys") + " again now?", Button: "Try now", Back: "/outbox", Keep: keep(which),
		Follows: []string{
			"The service sends the refused events to Kafka again within a few seconds, instead of waiting for the next try.",
			"Nothing is lost. If Kafka refuses an event again, the event waits again.",
		},
	}
	for _, b := range found[:min(len(found), mostFacts)] {
		q.Facts = append(q.Facts, fact{b.Topic + ", key " + b.Key, fmt.Sprintf("refused %s: %s", times(b.Attempts), b.LastError)})
	}
	return q, nil
}

const mostFacts = 10

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

func (p *Pages) retry(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	which, err := refusedOf(in)
	if err != nil {
		return outcome{}, err
	}
	found, err := repair.RetryRefused(ctx, p.Repair.Pool, by, which)
	if err != nil {
		return outcome{}, err
	}
	if len(found) == 0 {
		return outcome{"/outbox", "Kafka refuses no event any more. Nothing was left to try again."}, nil
	}
	return outcome{"/outbox", "The refused events of " + counted(len(found), "key", "keys") + " are tried again now."}, nil
}

func (p *Pages) askToDiscardEvent(ctx context.Context, in input) (question, error) {
	which, err := refusedOf(in)
	if err != nil {
		return question{}, err
	}
	which.DryRun = true
	e, err := repair.DiscardRefused(ctx, p.Repair.Pool, audit.Operator{}, which)
	if err != nil {
		return question{}, err
	}
	return question{
		Title: "Never send this event?", Button: "Discard the event", Danger: true, Back: "/outbox", Keep: keep(which),
		Facts: []fact{
			{"Event", e.Type}, {"Key", e.Key}, {"Version", strconv.FormatInt(e.Version, 10)}, {"Topic", e.Topic},
			{"Committed", adminui.TimeText(e.Time)},
		},
		Follows: []string{
			"The event is never sent. This cannot be undone.",
			"Later events of the same key go on. The other services miss one version, and take the next one. Until then their copies are old.",
		},
	}, nil
}

func (p *Pages) discardEvent(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	which, err := refusedOf(in)
	if err != nil {
		return outcome{}, err
	}
	e, err := repair.DiscardRefused(ctx, p.Repair.Pool, by, which)
	if err != nil {
		return outcome{}, err
	}
	return outcome{"/outbox", fmt.Sprintf("The event %s of %s, version %d, is discarded.", e.Type, e.Key, e.Version)}, nil
}
