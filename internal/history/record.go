package history

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	historydb "github.com/monsplit/monsplit/internal/history/db"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// Recorder records the changes of one transaction. It compares each change with the state that it has seen before.
type Recorder struct {
	tx   pgx.Tx
	seen map[Object][]Value
}

// In returns a Recorder for a transaction.
func In(tx pgx.Tx) *Recorder { return &Recorder{tx: tx, seen: map[Object][]Value{}} }

// Seen notes the present state of an object. Call it whenever the transaction has locked the object.
func (r *Recorder) Seen(o Object, state []Value) { r.seen[o] = state }

// Append appends the events of the changes to the outbox, as outbox.Append does, and records the changes, in one round trip.
func (r *Recorder) Append(ctx context.Context, changes ...Change) error {
	if len(changes) == 0 {
		return nil
	}
	events := make([]event.Message, len(changes))
	for i, c := range changes {
		events[i] = c.Event
	}
	var batch pgx.Batch
	if err := outbox.Queue(ctx, &batch, events...); err != nil {
		return err
	}
	if err := r.add(ctx, queued{batch: &batch}, changes); err != nil {
		return err
	}
	if err := r.tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("append events and their history: %w", err)
	}
	return nil
}

// Record records changes whose events somebody else appends.
func (r *Recorder) Record(ctx context.Context, changes ...Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := r.add(ctx, r.tx, changes); err != nil {
		return fmt.Errorf("record the history: %w", err)
	}
	return nil
}

// queued adds statements without a result to a batch.
type queued struct {
	historydb.DBTX // nil: a statement with a result cannot be queued
	batch          *pgx.Batch
}

func (q queued) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	q.batch.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

func (r *Recorder) add(ctx context.Context, db historydb.DBTX, changes []Change) error {
	who := actorOf(ctx)
	if len(changes) == 1 {
		c := changes[0]
		fields, err := r.fields(c)
		if err != nil {
			return err
		}
		return historydb.New(db).AddChange(ctx, historydb.AddChangeParams{
			Model: c.Object.Model, Key: c.Object.Key, Version: c.Event.Version, Kind: c.Kind, ChangedAt: c.Time,
			ActorKind: who.Kind, Actor: who.Name, Cause: causeOf(ctx, c.Follows), EventID: c.Event.ID, Fields: fields,
		})
	}
	arg := historydb.AddChangesParams{ActorKind: who.Kind, Actor: who.Name}
	for _, c := range changes {
		fields, err := r.fields(c)
		if err != nil {
			return err
		}
		arg.Models, arg.Keys = append(arg.Models, c.Object.Model), append(arg.Keys, c.Object.Key)
		arg.Versions, arg.Kinds = append(arg.Versions, c.Event.Version), append(arg.Kinds, c.Kind)
		arg.Times, arg.Causes = append(arg.Times, c.Time), append(arg.Causes, causeOf(ctx, c.Follows))
		arg.EventIds, arg.Fields = append(arg.EventIds, c.Event.ID), append(arg.Fields, string(fields))
	}
	return historydb.New(db).AddChanges(ctx, arg)
}

// fields returns as JSON what a change has changed since the object was seen. The next change is compared with this one.
func (r *Recorder) fields(c Change) ([]byte, error) {
	fields, err := json.Marshal(diff(r.seen[c.Object], c.State))
	if err != nil {
		return nil, fmt.Errorf("encode the history of %s %s: %w", c.Object.Model, c.Object.Key, err)
	}
	r.seen[c.Object] = c.State
	return fields, nil
}
