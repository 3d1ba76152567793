package adminmessages

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

// repairRate is how many things a run changes in a second, as the commands do.
const repairRate = 1000

// The repairs that take longer than a request.
var (
	republishing = job{
		Command: "outbox republish run",
		Doing:   "The state of everything is being sent again", Done: "Everything was appended to the outbox", Stopped: "Not everything was appended to the outbox",
		Again: "What was appended is sent. Begin again: it does everything once more, which is harmless.", Back: "/relay", BackText: "Sending",
	}
	comparing = job{
		Command: "outbox reassert dry-run",
		Doing:   "The topics are being compared with the database", Done: "The topics were compared with the database. Nothing has changed", Stopped: "The comparison did not end. Nothing has changed",
		Again: "Begin again.", Back: "/relay", BackText: "Sending",
	}
	reasserting = job{
		Command: "outbox reassert run",
		Doing:   "Everything is being sent with higher versions", Done: "Everything was appended with higher versions", Stopped: "Not everything was appended with higher versions",
		Again: "What was done stays done. Begin again: compare, and send once more.", Back: "/relay", BackText: "Sending",
	}
)

// comparisonAge is how long a comparison can be used.
const comparisonAge = time.Hour

// mostFound is how many lost things a run names.
const mostFound = 50

// lostOf returns what becomes of things that only the topics have.
func lostOf(in input) (repair.Lost, error) {
	switch lost := repair.Lost(in.values.Get("lost")); lost {
	case "":
		return repair.Recover, nil
	case repair.Recover, repair.Delete:
		return lost, nil
	}
	return "", malformed("What only the topics have can be recovered or deleted.")
}

func otherChoice(lost string) string {
	if lost == string(repair.Delete) {
		return string(repair.Recover)
	}
	return string(repair.Delete)
}

// lostTexts say what becomes of things that only the topics have.
var lostTexts = map[repair.Lost]string{
	repair.Recover: "Things that only the topics have are built again from their last event. If they have a number that events do not carry, they get a new one.",
	repair.Delete:  "Things that only the topics have are deleted in all services.",
}

func (p *Pages) askToCompare(_ context.Context, in input) (question, error) {
	lost, err := lostOf(in)
	if err != nil {
		return question{}, err
	}
	other := repair.Lost(otherChoice(string(lost)))
	return question{
		Title: "Compare the topics with the database?", Button: "Compare", Back: "/relay", Keep: url.Values{"lost": {string(lost)}},
		Follows: []string{
			"The service reads everything in the topics that it writes, and counts what it would have to send again. It changes nothing.",
			"That can take minutes. The next page shows the progress, and then what was found.",
			"What a repair does afterwards: " + lostTexts[lost],
		},
		Others: []link{{Path: "/repair/compare?lost=" + string(other), Text: lostTexts[other]}},
	}, nil
}

func (p *Pages) compare(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	return p.reassertRun(ctx, by, in, comparing, true)
}

func (p *Pages) reassertRun(ctx context.Context, by audit.Operator, in input, j job, dryRun bool) (outcome, error) {
	lost, err := lostOf(in)
	if err != nil {
		return outcome{}, err
	}
	return p.begin(ctx, by, j, progress{Lost: string(lost)}, func(ctx context.Context, r *report) error {
		results, err := p.Repair.Reassert(ctx, by, p.Models, repair.ReassertOptions{
			Lost: lost, Rate: repairRate, DryRun: dryRun, Progress: r.reached, Found: r.found,
		})
		for _, one := range results {
			r.count(one.Topic+": things that both have; their versions rise", one.Raised)
			r.count(one.Topic+": things that only the database has", one.Appended)
			r.count(one.Topic+": lost things that are built again", one.Recovered)
			r.count(one.Topic+": lost things that are deleted", one.Deleted)
			r.count(one.Topic+": lost things that stay as they are", one.NotRebuilt)
			r.count(one.Topic+": records that are not events", one.Unreadable)
			r.count(one.Topic+": keys whose numbers go on after those of the topic", one.Numbers)
		}
		return err
	})
}

// found notes a thing that only the topics have.
func (r *report) found(l repair.LostAggregate) error {
	if len(r.now.Found) < mostFound {
		text := fmt.Sprintf("%s, key %s, version %d: %s", l.Topic, l.Key, l.Version, l.Result)
		if l.Reason != "" {
			text += " (" + l.Reason + ")"
		}
		r.now.Found = append(r.now.Found, text)
	}
	return nil
}

// comparison returns the comparison that a form names. It must have ended, and must not be old.
func (p *Pages) comparison(ctx context.Context, in input) (runPage, repair.Lost, error) {
	lost, err := lostOf(in)
	if err != nil {
		return runPage{}, "", err
	}
	id, err := in.number("trial")
	if err != nil {
		return runPage{}, "", err
	}
	if id == 0 {
		return runPage{}, "", conflict("First compare the topics with the database: the page “Sending” has a button for it.")
	}
	found, err := p.findRun(ctx, id)
	if err != nil {
		return runPage{}, "", err
	}
	if found.Job.Command != comparing.Command || found.Progress.State != finished || found.Progress.Lost != string(lost) || p.now().Sub(found.Progress.At) > comparisonAge {
		return runPage{}, "", conflict("The comparison has not ended, is older than an hour, or was for another choice. Compare again: the page “Sending” has a button for it.")
	}
	return found, lost, nil
}

func (p *Pages) askToReassert(ctx context.Context, in input) (question, error) {
	found, lost, err := p.comparison(ctx, in)
	if err != nil {
		return question{}, err
	}
	q := question{
		Title: "Send everything with higher versions?", Button: "Send with higher versions", Danger: true, Back: fmt.Sprintf("/runs/%d", found.Action.ID),
		Keep: url.Values{"lost": {string(lost)}, "trial": {strconv.FormatInt(found.Action.ID, 10)}},
		Follows: []string{
			"Never do this in a copy of a database that is still in use. The data of the copy would replace the data of all services.",
			"Each thing gets a version after those in the topics, and is sent with the state that this database has. All copies in other services take this state.",
			"Changes that the database has lost stay lost in things that it still has.",
			lostTexts[lost],
			"The next page shows the progress. Sending goes on by itself afterwards.",
		},
	}
	for _, one := range found.Progress.Counts {
		q.Facts = append(q.Facts, fact{one.Name, strconv.Itoa(one.Value)})
	}
	return q, nil
}

func (p *Pages) reassert(ctx context.Context, by audit.Operator, in input) (outcome, error) {
	if _, _, err := p.comparison(ctx, in); err != nil {
		return outcome{}, err
	}
	return p.reassertRun(ctx, by, in, reasserting, false)
}
