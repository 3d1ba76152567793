package consumer

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Bulk closes many dead letters with Consumer.Replay or Consumer.Discard.
type Bulk struct {
	Filter DeadLetterFilter // of the open ones; its State and Limit are ignored
	Close  func(ctx context.Context, id int64) (DeadLetter, error)
	DryRun bool                   // call Done with each letter that matches, and close none
	Done   func(BulkResult) error // is called after each letter; an error ends the run
	// Progress is told how many letters are done. It may be nil.
	Progress func(done, total int)
}

// BulkResult is what became of one dead letter.
type BulkResult struct {
	ID     int64  `json:"id"`
	Topic  string `json:"topic"`
	Key    string `json:"key"`
	Code   string `json:"code"`
	State  string `json:"state"`            // afterwards: open if it failed, or in a dry run
	Detail string `json:"detail,omitempty"` // why it is still open, or what the consumer noted
	Failed bool   `json:"failed"`
}

// Run closes the letters one after the other, the oldest first, each in a transaction of its own. So an aggregate's letters are
// applied in the order in which they came. A letter that cannot be closed stays open, and the next one follows.
func (b Bulk) Run(ctx context.Context, pool *pgxpool.Pool) error {
	f := b.Filter
	f.State, f.Limit = Open, 100
	total, err := CountDeadLetters(ctx, pool, f)
	if err != nil {
		return err
	}
	for done := 0; ; {
		letters, err := ListDeadLetters(ctx, pool, f)
		if err != nil || len(letters) == 0 {
			return err
		}
		for _, l := range letters {
			result, err := b.one(ctx, pool, l)
			if err != nil {
				return err
			}
			if err := b.Done(result); err != nil {
				return err
			}
			f.After = l.ID
			if done++; b.Progress != nil {
				b.Progress(done, max(done, total))
			}
		}
	}
}

func (b Bulk) one(ctx context.Context, pool *pgxpool.Pool, l DeadLetter) (BulkResult, error) {
	r := BulkResult{ID: l.ID, Topic: l.Topic, Key: l.Key, Code: l.Code, State: l.State}
	if b.DryRun {
		return r, ctx.Err()
	}
	closed, err := b.Close(ctx, l.ID)
	refused, is := errors.AsType[*Error](err)
	switch {
	case err == nil:
		if r.State = closed.State; closed.Note != nil {
			r.Detail = *closed.Note
		}
	case is && refused.Code == CodeClosed: // a newer letter of the aggregate has superseded it, or somebody was faster
		now, err := ShowDeadLetter(ctx, pool, l.ID)
		r.State, r.Detail = now.State, refused.Detail
		return r, err
	case is:
		r.Failed, r.Detail = true, refused.Error()
	default:
		return r, err
	}
	return r, nil
}
