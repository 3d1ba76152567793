package history

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/event"
)

// Reassert records that a command has given rows the versions of these events, and has changed nothing else of them.
func Reassert[R any](ctx context.Context, tx pgx.Tx, rows []R, events []event.Message, change func(R, event.Message) Change) error {
	r := In(tx)
	changes := make([]Change, len(rows))
	for i, row := range rows {
		changes[i] = change(row, events[i])
		r.Seen(changes[i].Object, changes[i].State)
	}
	return r.Record(ctx, changes...)
}

// Rebuilt returns the kind of the change that has made an object out of its last event.
func Rebuilt(deleted bool) string {
	if deleted {
		return "deleted"
	}
	return Recovered
}
