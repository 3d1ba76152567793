package adminmessages

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// job is a kind of work that may take longer than a request, so it goes on in the background.
type job struct {
	Command string // its name in the audit
	// What the page with the progress says: while it goes on, when it has done everything, and when it has not.
	Doing, Done, Stopped string
	Failed               string // what became of those that failed
	Again                string // what to do if not everything was done
	Back, BackText       string // the page from which it begins
}

// jobs are all kinds of work.
func jobs() []job {
	return []job{replaying.job(), discarding.job(), republishing, comparing, reasserting}
}

// jobOf returns the work with this name in the audit.
func jobOf(command string) (job, bool) {
	for _, j := range jobs() {
		if j.Command == command {
			return j, true
		}
	}
	return job{}, false
}

// run is one piece of work. Its progress is in the audit, so that every instance can show it.
type run struct {
	id   int64 // of the record
	job  job
	now  progress
	work func(ctx context.Context, r *report) error
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
	Key     string    `json:"key,omitempty"`
	Lost    string    `json:"lost,omitempty"` // what becomes of what only the topics have
	Matched int       `json:"matched"`
	Done    int       `json:"done"`
	Failed  int       `json:"failed"` // they are still open
	Counts  []count   `json:"counts,omitempty"`
	Found   []string  `json:"found,omitempty"` // the first things that only the topics have
	At      time.Time `json:"at"`              // when this was written
}

// count is a number that is a result.
type count struct {
	Name  string `json:"name"`
	Value int    `json:"value"`
}

// begin begins a run, and leads to the page with its progress.
func (p *Pages) begin(ctx context.Context, by audit.Operator, j job, now progress, work func(context.Context, *report) error) (outcome, error) {
	if !p.busy.CompareAndSwap(false, true) {
		return outcome{}, conflict("Another run is under way. Wait until it has ended.")
	}
	now.State, now.At = running, p.now().UTC()
	id, err := audit.Begin(ctx, p.Repair.Pool, by, j.Command, now)
	if err != nil {
		p.busy.Store(false)
		return outcome{}, err
	}
	p.runs <- run{id: id, job: j, now: now, work: work} // there is room: nothing else is under way
	return outcome{fmt.Sprintf("/runs/%d", id), ""}, nil
}

// Run carries out runs until ctx is done. A run that is under way then stops as soon as it can.
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
	told := &report{ctx: ctx, pages: p, run: r, now: r.now, written: p.now()}
	switch err := r.work(ctx, told); {
	case ctx.Err() != nil:
		told.now.State = stopped
	case err != nil:
		told.now.State = broken
		p.Log.ErrorContext(ctx, "a run of the admin pages failed", "command", r.job.Command, "record", r.id, "error", err)
	default:
		told.now.State = finished
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastNote)
	defer cancel()
	told.note(end)
}

// report is what a run tells about itself.
type report struct {
	ctx     context.Context //nolint:containedctx // of the run, to which the report belongs
	pages   *Pages
	run     run
	now     progress
	written time.Time
}

// reached says how far the run is.
func (r *report) reached(done, total int) {
	r.now.Done, r.now.Matched = done, total
	if r.pages.now().Sub(r.written) >= noteEvery {
		r.written = r.pages.now()
		r.note(r.ctx)
	}
}

// count adds a result, if there is something to count.
func (r *report) count(name string, n int) {
	if n > 0 {
		r.now.Counts = append(r.now.Counts, count{name, n})
	}
}

// note writes the progress. The run goes on if that fails.
func (r *report) note(ctx context.Context) {
	r.now.At = r.pages.now().UTC()
	err := audit.Report(ctx, r.pages.Repair.Pool, r.run.id, r.now)
	if err != nil && ctx.Err() == nil {
		r.pages.Log.WarnContext(ctx, "the progress of a run could not be recorded", "record", r.run.id, "error", err)
	}
}

// runPage is the data of the page with the progress of a run.
type runPage struct {
	Action   audit.Action
	Progress progress
	Job      job
	Percent  int
	Running  bool
	Silent   bool   // it should run, but has not written its progress for long
	Steps    []step // what to do next
}

// silentAfter is when a run that writes no progress has probably ended with its instance.
const silentAfter = time.Minute

// findRun returns a run as the audit has it. It fails with NotFound if there is none.
func (p *Pages) findRun(ctx context.Context, id int64) (page runPage, err error) {
	found, err := audit.List(ctx, p.Repair.Pool, audit.Filter{Before: id + 1, Limit: 1})
	if err != nil {
		return page, err
	}
	is := len(found) == 1 && found[0].ID == id
	if is {
		page.Action = found[0]
		page.Job, is = jobOf(found[0].Command)
	}
	if !is {
		return page, apperr.New(apperr.NotFound, "There is no such run.")
	}
	if err := strictjson.Unmarshal(page.Action.Detail, &page.Progress); err != nil {
		return page, fmt.Errorf("read the progress of run %d: %w", id, err)
	}
	return page, nil
}

func (p *Pages) showRun(v *adminui.Visit) error {
	id, err := idOf(v.R, "There is no such run.")
	if err != nil {
		return err
	}
	page, err := p.findRun(v.R.Context(), id)
	if err != nil {
		return err
	}
	if page.Percent = 100; page.Progress.Matched > 0 {
		page.Percent = 100 * page.Progress.Done / page.Progress.Matched
	}
	page.Silent = page.Progress.State == running && p.now().Sub(page.Progress.At) > silentAfter
	page.Running = page.Progress.State == running && !page.Silent
	if page.Progress.State == finished && page.Job.Command == comparing.Command {
		page.Steps = stepsFor(v, comparedSteps(id, page.Progress.Lost))
	}
	if page.Running {
		v.W.Header().Set("Refresh", "2") // so that the progress is new without a script
	}
	return v.Render(http.StatusOK, "run", page)
}

// comparedSteps are what a person can do after a comparison.
func comparedSteps(id int64, lost string) []step {
	return []step{
		{Text: "If nothing was found, the database has lost nothing. Do not send anything then."},
		{Text: "If the numbers are what you expect after the loss, send everything with higher versions.", Role: account.Admin, Link: "Send with higher versions…", Path: fmt.Sprintf("/repair/reassert?lost=%s&trial=%d", lost, id)},
		{Text: "To choose otherwise for what only the topics have, compare again.", Role: account.Admin, Link: "Compare again…", Path: "/repair/compare?lost=" + otherChoice(lost)},
	}
}
