package consumer

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// replay is what the transaction of Replay has done.
type replay[T any] struct {
	letter    DeadLetter
	failed    error // why the event failed again; nil if it was applied
	note      string
	serviceTx T // the transaction that the handler used
	conflicts conflictChange
}

// Replay applies the message of an open dead letter again. by and reason record who does it, and why.
//
// If the copy has a newer version by now, its version guard ignores the message. Then the dead letter is closed as replayed,
// and its note says that nothing changed. If the event fails again, its dead letter stays open with the new reason, and the
// error is an *Error with CodeReplayFailed.
//
//	lock the letter ─► decode ─► handler, in a savepoint ─┬─ applied ────► close it, and the letters that it supersedes ─┬─► audit ─► COMMIT
//	                                                      └─ fails again ► keep it open, with the new reason ────────────┘
//
// The consumer that has the partition shows a conflict that the replay begins or ends within Config.Beat.
func (c *Consumer[T]) Replay(ctx context.Context, id int64, by, reason string) (DeadLetter, error) {
	operator := audit.Operator{By: by, Reason: reason}
	if err := checkOperator(operator); err != nil {
		return DeadLetter{}, err
	}
	var r replay[T]
	err := pgtx.Run(ctx, c.pool, beginTx, func(tx pgx.Tx) (err error) {
		r, err = c.replayIn(ctx, tx, id, operator)
		return err
	})
	if err != nil {
		return DeadLetter{}, err
	}
	if r.failed != nil {
		return r.letter, &Error{Code: CodeReplayFailed, Detail: "it failed again: " + deadLetterReason(r.failed), Cause: r.failed}
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "a dead letter was replayed", slog.Int64("id", id), slog.String("by", by),
		slog.String("topic", r.letter.Topic), slog.String("key", r.letter.Key))
	c.recordConflicts(ctx, nil, r.letter.Topic, r.letter.Partition, r.conflicts)
	c.cfg.Committed(r.serviceTx)
	return r.letter, nil
}

// replayIn replays a dead letter in tx. Also a replay that fails is committed: the letter has the new reason then.
func (c *Consumer[T]) replayIn(ctx context.Context, tx pgx.Tx, id int64, operator audit.Operator) (r replay[T], err error) {
	row, err := lockOpenLetter(ctx, tx, id)
	if err != nil {
		return r, err
	}
	it, err := toItem(row)
	if err != nil {
		return r, err
	}
	if _, ok := c.cfg.Topics[row.Topic]; !ok {
		return r, &Error{Code: CodeTopicNotRead, Detail: "this service no longer reads the topic " + row.Topic}
	}
	if r.failed = it.err; r.failed == nil {
		if r, err = c.applyInSavepoint(ctx, tx, &it); err != nil {
			return r, err
		}
	}
	if r.failed != nil {
		r.letter, err = c.failAgain(ctx, tx, id, r.failed)
	} else {
		err = c.closeReplayed(ctx, tx, id, it, operator.By, &r)
	}
	if err != nil {
		return r, err
	}
	return r, recordLetter(ctx, tx, operator, "dead-letters replay", r.letter)
}

// toItem makes a dead letter into the record that was read, and decodes it by the current rules.
func toItem(row messagingdb.DeadLetter) (item, error) {
	stored, err := decodeHeaders(row.Headers)
	if err != nil {
		return item{}, fmt.Errorf("dead letter %d: %w", row.ID, err)
	}
	headers := make([]broker.Header, len(stored))
	for i, h := range stored {
		headers[i] = broker.Header(h)
	}
	it := decodeRecord(broker.TopicPartition{Topic: row.Topic, Partition: int(row.Part)}, broker.TopicID(row.TopicID), broker.Fetched{
		Record: broker.Record{Key: row.Key, Value: row.Value, Headers: headers}, Offset: row.Offset,
	})
	if row.Code == codeUnreadable {
		it.err = &poisonError{code: codeUnreadable, reason: row.Reason} // what it has is no record
	}
	return it, nil
}

// applyInSavepoint runs the handler within a savepoint, so that the transaction stays usable if the handler fails.
func (c *Consumer[T]) applyInSavepoint(ctx context.Context, tx pgx.Tx, it *item) (r replay[T], err error) {
	copied, err := c.copyVersion(ctx, tx, it.event)
	if err != nil {
		return r, err
	}
	if !it.event.Purge && copied >= it.event.Version {
		r.note = "the copy already had version " + strconv.FormatInt(copied, 10) + ": nothing changed"
	}
	r.serviceTx, r.failed, err = c.inSavepoint(ctx, tx, func(tx T) error {
		return c.callHandler(ctx, it.event.Topic, tx, []Event{it.forHandler()})
	})
	if err != nil {
		return r, fmt.Errorf("replay: %w", err)
	}
	if it.comparison == OtherData {
		r.note = "the copy already had version " + strconv.FormatInt(copied, 10) + " with other data: nothing changed"
	}
	return r, nil
}

// failAgain stores why the event of a dead letter has failed again. The letter stays open.
func (c *Consumer[T]) failAgain(ctx context.Context, tx pgx.Tx, id int64, failed error) (DeadLetter, error) {
	code, _ := c.poisonCode(failed)
	q := messagingdb.New(tx)
	if err := q.FailDeadLetterAgain(ctx, code, deadLetterReason(failed), id); err != nil {
		return DeadLetter{}, fmt.Errorf("store the failure: %w", err)
	}
	row, err := q.GetDeadLetter(ctx, id)
	if err != nil {
		return DeadLetter{}, fmt.Errorf("read dead letter %d: %w", id, err)
	}
	return toDeadLetter(row), nil
}

// closeReplayed stores the conflicts of an event that was applied. It closes its dead letter, and the older letters of the same
// aggregate that it supersedes.
func (c *Consumer[T]) closeReplayed(ctx context.Context, tx pgx.Tx, id int64, it item, by string, r *replay[T]) (err error) {
	items := []item{it}
	if r.conflicts, err = changeConflicts(ctx, tx, it.event.Topic, it.event.Partition, items, true); err != nil {
		return err
	}
	if _, err := c.supersedeDeadLetters(ctx, tx, it.event.Topic, items); err != nil {
		return fmt.Errorf("supersede dead letters: %w", err)
	}
	r.letter, err = closeLetter(ctx, tx, id, Replayed, by, r.note, 1)
	return err
}
