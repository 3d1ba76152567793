package adminmessages

import (
	"context"
	"fmt"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// job is the work of closing many dead letters. Each dead letter has a record of its own in the audit, too.
func (c closing) job() job {
	return job{
		Command: "dead-letters " + c.Name + " many",
		Doing:   "Dead letters are being " + c.Done, Done: "All dead letters were tried", Stopped: "Not all dead letters were tried",
		Failed: "failed again, and are still open", Again: "What was not done is still open: begin again.",
		Back: "/dead-letters", BackText: "All dead letters",
	}
}

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
		button := adminui.Capital(c.Name) + " " + counted(n, "dead letter", "dead letters")
		q := question{
			Title: button + "?", Button: button, Danger: c.Danger, Keep: page.query(), Back: "/dead-letters?" + page.query().Encode(),
			Follows: append([]string{
				"The dead letters are taken one after the other, the oldest first. The next page shows the progress. New ones that match are taken, too.",
			}, c.Follows...),
		}
		for _, one := range []fact{{"Topic", page.Topic}, {"Kind of failure", page.Code}, {"Key", page.Key}} {
			if one.Value == "" {
				one.Value = "all"
			}
			q.Facts = append(q.Facts, one)
		}
		return q, nil
	}
}

// closeLetters begins a run.
func (p *Pages) closeLetters(c closing) func(context.Context, audit.Operator, input) (outcome, error) {
	return func(ctx context.Context, by audit.Operator, in input) (outcome, error) {
		f, _, err := p.letterFilter(in)
		if err != nil {
			return outcome{}, err
		}
		f.State = consumer.Open
		matched, err := consumer.CountDeadLetters(ctx, p.Repair.Pool, f)
		if err != nil {
			return outcome{}, fmt.Errorf("begin to close dead letters: %w", err)
		}
		now := progress{Topic: f.Topic, Code: f.Code, Key: f.Key, Matched: matched}
		return p.begin(ctx, by, c.job(), now, func(ctx context.Context, r *report) error {
			bulk := consumer.Bulk{
				Filter: f,
				Close: func(ctx context.Context, id int64) (consumer.DeadLetter, error) {
					return p.closer(c)(ctx, id, by.By, by.Reason)
				},
				Done: func(result consumer.BulkResult) error {
					if result.Failed {
						r.now.Failed++
					}
					return nil
				},
				Progress: r.reached,
			}
			return bulk.Run(ctx, p.Repair.Pool)
		})
	}
}
