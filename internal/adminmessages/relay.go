package adminmessages

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

// relayPage is the data of the page about publishing.
type relayPage struct {
	outbox.Status
	Topics    []publishedTopic
	Stops     stops
	AllPaused bool     // publishing is paused as a whole
	Owned     []string // the topics whose state can be sent again
}

// publishedTopic is a topic that the service writes.
type publishedTopic struct {
	Name    string
	Holders []holder
	Paused  *outbox.PausedTopic
}

func (p *Pages) relay(v *adminui.Visit) error {
	s, err := outbox.ReadStatus(v.R.Context(), p.Repair.Pool)
	if err != nil {
		return err
	}
	page := relayPage{Status: s, Stops: p.sendingStops(s).forUser(v), AllPaused: pausedTopic(s, outbox.AllTopics) != nil}
	for _, name := range p.Repair.Publishes {
		t := publishedTopic{Name: name, Paused: pausedTopic(s, name)}
		for _, shard := range s.Shards {
			if shard.Topic == name {
				t.add(shard)
			}
		}
		page.Topics = append(page.Topics, t)
	}
	for _, m := range p.Models {
		page.Owned = append(page.Owned, m.Topic)
	}
	return v.Render(http.StatusOK, "relay", page)
}

// holder is an instance with the shards of a topic that it has with one epoch.
type holder struct {
	Name    string
	Held    bool // it runs
	Epoch   int64
	numbers []int
}

// Shards returns the numbers of the shards.
func (h holder) Shards() string { return ranges(h.numbers) }

func (t *publishedTopic) add(shard outbox.ShardStatus) {
	for i, h := range t.Holders {
		if h.Name == shard.Holder && h.Held == shard.Held && h.Epoch == shard.Epoch {
			t.Holders[i].numbers = append(h.numbers, shard.Shard)
			return
		}
	}
	t.Holders = append(t.Holders, holder{shard.Holder, shard.Held, shard.Epoch, []int{shard.Shard}})
}

func pausedTopic(s outbox.Status, name string) *outbox.PausedTopic {
	for i, one := range s.Paused {
		if one.Topic == name {
			return &s.Paused[i]
		}
	}
	return nil
}

// relayActions are what a person can do with the topics that the service writes.
func (p *Pages) relayActions() []action {
	return []action{
		{path: "/relay/pause", role: account.Admin, reason: true, ask: p.askToPauseOutbox, do: p.pauseOutbox},
		{path: "/relay/resume", role: account.Admin, ask: p.askToResumeOutbox, do: p.resumeOutbox},
	}
}

// publishing returns the topic that a form names, or all topics.
func (p *Pages) publishing(in input) (which repair.Publishing, name string, err error) {
	which.Topic = in.values.Get("topic")
	if which.Topic == outbox.AllTopics {
		return which, "sending", nil
	}
	if !slices.Contains(p.Repair.Publishes, which.Topic) {
		return which, "", malformed("This service does not publish the topic.")
	}
	return which, "sending " + which.Topic, nil
}

func (p *Pages) askToPauseOutbox(ctx context.Context, in input) (question, error) {
	which, name, err := p.publishing(in)
	if err != nil {
		return question{}, err
	}
	which.DryRun = true
	found, err := p.Repair.PauseOutbox(ctx, audit.Operator{}, which)
	if err != nil {
		return question{}, err
	}
	if len(found) == 0 {
		return question{}, conflict("It is paused already.")
	}
	return question{
		Title: "Pause " + name + "?", Button: "Pause", Danger: true, Keep: url.Values{"topic": {which.Topic}}, Back: "/relay",
		Follows: []string{
			"Sending stops within a few seconds. People and programs can still change data here. The events wait in the outbox, and other services do not hear of the changes.",
			"Nothing is lost. After “Resume” the events are sent in their order.",
		},
	}, nil
}

func (p *Pages) pauseOutbox(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	which, name, err := p.publishing(in)
	if err != nil {
		return outcome{}, err
	}
	if _, err := p.Repair.PauseOutbox(ctx, by, which); err != nil {
		return outcome{}, err
	}
	return outcome{"/relay", adminui.Sentence(name + " is paused")}, nil
}

func (p *Pages) askToResumeOutbox(ctx context.Context, in input) (question, error) {
	which, name, err := p.publishing(in)
	if err != nil {
		return question{}, err
	}
	which.DryRun = true
	found, err := p.Repair.ResumeOutbox(ctx, audit.Operator{}, which)
	if err != nil {
		return question{}, err
	}
	if len(found) == 0 {
		return question{}, conflict("Nothing is paused there any more.")
	}
	q := question{
		Title: "Resume " + name + "?", Button: "Resume", Keep: url.Values{"topic": {which.Topic}}, Back: "/relay",
		Follows: []string{"The service sends the events that wait within a few seconds, in their order."},
	}
	for _, one := range found {
		q.Facts = append(q.Facts, fact{"Paused because", one.Reason})
	}
	return q, nil
}

func (p *Pages) resumeOutbox(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	which, name, err := p.publishing(in)
	if err != nil {
		return outcome{}, err
	}
	if _, err := p.Repair.ResumeOutbox(ctx, by, which); err != nil {
		return outcome{}, err
	}
	return outcome{"/relay", adminui.Sentence(name + " goes on")}, nil
}
