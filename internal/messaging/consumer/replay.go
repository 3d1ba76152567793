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

// Replay applies the message of an open dead letter again. by and reason record who does it, and why.
//
// If the copy has a newer version by now, its version guard ignores the message. Then the dead letter is closed as replayed,
// and its note says that nothing changed. If the event fails again, its dead letter stays open with the new reason, and the
// error is an *Error with CodeReplayFailed.
//
// The consumer that has the partition shows a conflict that the replay begins or ends within Config.Beat.
func (c *Consumer[T]) Replay(ctx context.Context, id int64, by, reason string) (DeadLetter, error) {
	operator := audit.Operator{By: by, Reason: reason}
	if err := checkOperator(operator); err != nil {
		return DeadLetter{}, err
	}
	var (
		letter    DeadLetter
		failed    error
		serviceTx T
		conflicts conflictChange
	)
	err := pgtx.Run(ctx, c.pool, beginTx, func(tx pgx.Tx) error {
		failed = nil
		row, err := lockOpenLetter(ctx, tx, id)
		if err != nil {
			return err
		}
		it, err := toItem(row)
		if err != nil {
			return err
		}
		if _, ok := c.cfg.Topics[row.Topic]; !ok {
			return &Error{Code: CodeTopicNotRead, Detail: "this service no longer reads the topic " + row.Topic}
		}
		var note string
		if failed = it.err; failed == nil {
			serviceTx, note, failed, err = c.applyInSavepoint(ctx, tx, &it)
		}
		if err != nil {
			return err
		}
		if failed == nil {
			conflicts, err = changeConflicts(ctx, tx, row.Topic, int(row.Part), []item{it}, true)
			if err != nil {
				return err
			}
			if letter, err = c.closeReplayedLetter(ctx, tx, it, row.ID, by, note); err != nil {
				return err
			}
			return recordLetter(ctx, tx, operator, "dead-letters replay", letter)
		}
		code, _ := c.poisonCode(failed)
		q := messagingdb.New(tx)
		if err := q.FailDeadLetterAgain(ctx, code, deadLetterReason(failed), id); err != nil {
			return fmt.Errorf("store the failure: %w", err)
		}
		if row, err = q.GetDeadLetter(ctx, id); err != nil {
			return fmt.Errorf("read dead letter %d: %w", id, err)
		}
		letter = toDeadLetter(row)
		return recordLetter(ctx, tx, operator, "dead-letters replay", letter)
	})
	if err != nil {
		return DeadLetter{}, err
	}
	if failed != nil {
		return letter, &Error{Code: CodeReplayFailed, Detail: "it failed again: " + deadLetterReason(failed), Cause: failed}
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "a dead letter was replayed", slog.Int64("id", id), slog.String("by", by),
		slog.String("topic", letter.Topic), slog.String("key", letter.Key))
	c.recordConflicts(ctx, nil, letter.Topic, letter.Partition, conflicts)
	c.cfg.Committed(serviceTx)
	return letter, nil
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
func (c *Consumer[T]) applyInSavepoint(ctx context.Context, tx pgx.Tx, it *item) (serviceTx T, note string, failed, err error) {
	copied, err := c.copyVersion(ctx, tx, it.event)
	if err != nil {
		return serviceTx, "", nil, err
	}
	if !it.event.Purge && copied >= it.event.Version {
		note = "the copy already had version " + strconv.FormatInt(copied, 10) + ": nothing changed"
	}
	serviceTx, failed, err = c.inSavepoint(ctx, tx, func(tx T) error {
		return c.callHandler(ctx, it.event.Topic, tx, []Event{it.forHandler()})
	})
	if err != nil {
		return serviceTx, "", nil, fmt.Errorf("replay: %w", err)
	}
	if it.comparison == OtherData {
		note = "the copy already had version " + strconv.FormatInt(copied, 10) + " with other data: nothing changed"
	}
	return serviceTx, note, failed, nil
}

// closeReplayedLetter closes the letter, and the older letters of the same aggregate that it supersedes.
func (c *Consumer[T]) closeReplayedLetter(
	ctx context.Context, tx pgx.Tx, it item, id int64, by, note string,
) (DeadLetter, error) {
	if _, err := c.supersedeDeadLetters(ctx, tx, it.event.Topic, []item{it}); err != nil {
		return DeadLetter{}, fmt.Errorf("supersede dead letters: %w", err)
	}
	return closeLetter(ctx, tx, id, Replayed, by, note, 1)
}
