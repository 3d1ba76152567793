package adminmessages

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// run closes many dead letters. It may take longer than a request, so it goes on in the background. Its progress is in the
// audit, so that every instance can show it.
type run struct {
	id     int64 // of the record
	by     audit.Operator
	closes closing
	filter consumer.DeadLetterFilter
}

// The states of a run.
const (
	running  = "running"
	finished = "finished"
	stopped  = "stopped" // with the service
	broken   = "failed"
)

// progress is what the audit has of a run.
type progress struct {
	State   string    `json:"state"`
	Topic   string    `json:"topic,omitempty"`
	Code    string    `json:"code,omitempty"`
	Matched int       `json:"matched"`
	Done    int       `json:"done"`
	Failed  int       `json:"failed"` // they are still open
	At      time.Time `json:"at"`     // when this was written
}

// command is the name of a run in the audit. Each dead letter has a record of its own, too.
func (c closing) command() string { return "dead-letters " + c.Name + " many" }

func (p *Pages) askAboutLetters(c closing) func(context.Context, input) (question, error) {
	return func(ctx context.Context, in input) (question, error) {
		f, page, err := p.letterFilter(in)
		if err != nil {
			return question{}, err
		}
		f.State = consumer.Open
		n, err := consumer.CountDeadLetters(ctx, p.Repair.Pool, f)
		if err != nil {
			return question{}, err
		}
		if n == 0 {
			return question{}, conflict("No open dead letter matches any more.")
		}
		page.State = consumer.Open
		q := question{
			Title: fmt.Sprintf("%s %s?", sentenceStart(c.Name), letters(n)), Button: fmt.Sprintf("%s %s", sentenceStart(c.Name), letters(n)),
			Danger: c.Danger, Keep: page.query(), Back: "/dead-letters?" + page.query().Encode(),
			Follows: append([]string{
				"The dead letters are taken one after the other, the oldest first. The next page shows the progress. New ones that match are taken, too.",
			}, c.Follows...),
		}
		for _, one := range []fact{{"Topic", page.Topic}, {"Kind of failure", page.Code}} {
			if one.Value == "" {
				one.Value = "all"
			}
			q.Facts = append(q.Facts, one)
		}
		return q, nil
	}
}

// letters says how many dead letters are meant.
func letters(n int) string {
	if n == 1 {
		return "1 dead letter"
	}
	return fmt.Sprintf("%d dead letters", n)
}

// closeLetters begins a run.
func (p *Pages) closeLetters(c closing) func(context.Context, audit.Operator, input) (outcome, error) {
	return func(ctx context.Context, by audit.Operator, in input) (outcome, error) {
		f, _, err := p.letterFilter(in)
		if err != nil {
			return outcome{}, err
		}
		f.State = consumer.Open
		if !p.busy.CompareAndSwap(false, true) {
			return outcome{}, conflict("Another run is under way. Wait until it has ended.")
		}
		r := run{by: by, closes: c, filter: f}
		matched, err := consumer.CountDeadLetters(ctx, p.Repair.Pool, f)
		if err == nil {
			r.id, err = audit.Begin(ctx, p.Repair.Pool, by, c.command(), p.progressOf(r, matched))
		}
		if err != nil {
			p.busy.Store(false)
			return outcome{}, err
		}
		p.runs <- r // there is room: nothing else is under way
		return outcome{fmt.Sprintf("/runs/%d", r.id), ""}, nil
	}
}

func (p *Pages) progressOf(r run, matched int) progress {
	return progress{State: running, Topic: r.filter.Topic, Code: r.filter.Code, Matched: matched, At: p.now().UTC()}
}

// Run carries out runs until ctx is done. A run that is under way then stops after its present dead letter.
func (p *Pages) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case r := <-p.runs:
			p.carryOut(ctx, r)
			p.busy.Store(false)
		}
	}
}

// noteEvery is how often a run writes its progress.
const noteEvery = time.Second

// lastNote is how long a run may take to write its end when the service stops.
const lastNote = 3 * time.Second

func (p *Pages) carryOut(ctx context.Context, r run) {
	now := p.progressOf(r, 0)
	written := p.now()
	bulk := consumer.Bulk{
		Filter: r.filter,
		Close: func(ctx context.Context, id int64) (consumer.DeadLetter, error) {
			return p.closer(r.closes)(ctx, id, r.by.By, r.by.Reason)
		},
		Done: func(result consumer.BulkResult) error {
			if result.Failed {
				now.Failed++
			}
			return nil
		},
		Progress: func(done, total int) {
			now.Done, now.Matched = done, total
			if p.now().Sub(written) >= noteEvery {
				written = p.now()
				p.note(ctx, r, now)
			}
		},
	}
	switch err := bulk.Run(ctx, p.Repair.Pool); {
	case ctx.Err() != nil:
		now.State = stopped
	case err != nil:
		now.State = broken
		p.Log.ErrorContext(ctx, "dead letters could not be closed", "what", r.closes.Name, "record", r.id, "error", err)
	default:
		now.State = finished
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastNote)
	defer cancel()
	p.note(end, r, now)
}

// note writes the progress of a run. The run goes on if that fails.
func (p *Pages) note(ctx context.Context, r run, now progress) {
	now.At = p.now().UTC()
	err := audit.Report(ctx, p.Repair.Pool, r.id, now)
	if err != nil && ctx.Err() == nil {
		p.Log.WarnContext(ctx, "the progress of a run could not be recorded", "record", r.id, "error", err)
	}
}

// runPage is the data of the page with the progress of a run.
type runPage struct {
	Action   audit.Action
	Progress progress
	Closes   closing
	Percent  int
	Running  bool
	Silent   bool // it should run, but has not written its progress for long
}

// silentAfter is when a run that writes no progress has probably ended with its instance.
const silentAfter = time.Minute

func (p *Pages) showRun(v *adminui.Visit) error {
	id, err := idOf(v.R, "There is no such run.")
	if err != nil {
		return err
	}
	found, err := audit.List(v.R.Context(), p.Repair.Pool, audit.Filter{Before: id + 1, Limit: 1})
	if err != nil {
		return err
	}
	page := runPage{}
	for _, c := range []closing{replaying, discarding} {
		if len(found) == 1 && found[0].ID == id && found[0].Command == c.command() {
			page.Action, page.Closes = found[0], c
		}
	}
	if page.Action.ID == 0 {
		return apperr.New(apperr.NotFound, "There is no such run.")
	}
	if err := strictjson.Unmarshal(page.Action.Detail, &page.Progress); err != nil {
		return fmt.Errorf("read the progress of run %d: %w", id, err)
	}
	if page.Percent = 100; page.Progress.Matched > 0 {
		page.Percent = 100 * page.Progress.Done / page.Progress.Matched
	}
	page.Silent = page.Progress.State == running && p.now().Sub(page.Progress.At) > silentAfter
	page.Running = page.Progress.State == running && !page.Silent
	if page.Running {
		v.W.Header().Set("Refresh", "2") // so that the progress is new without a script
	}
	return v.Render(http.StatusOK, "run", page)
}
