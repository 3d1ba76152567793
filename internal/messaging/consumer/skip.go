package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// codeSkipped is the code of a dead letter that Skip has made.
const codeSkipped = "skipped"

// Skip passes over the next event of a partition, for example one that is tried again and again. It stores the event as an open
// dead letter, so that it can be replayed later, and returns the dead letter. The consumer may run meanwhile. It fails with
// an *Error if there is no next event, or if the position moves meanwhile.
func (c *Consumer[T]) Skip(ctx context.Context, kafka LogReader, tp broker.TopicPartition, by audit.Operator) (DeadLetter, error) {
	if err := checkOperator(by); err != nil {
		return DeadLetter{}, err
	}
	if _, ok := c.cfg.Topics[tp.Topic]; !ok {
		return DeadLetter{}, &Error{Code: CodeTopicNotRead, Detail: "this service does not read the topic " + tp.Topic}
	}
	next, err := c.nextEvent(ctx, kafka, tp)
	if err != nil {
		return DeadLetter{}, err
	}
	var (
		letter DeadLetter
		used   []T
	)
	err = pgtx.Run(ctx, c.pool, beginTx, func(tx pgx.Tx) error {
		q := messagingdb.New(tx)
		moved, err := q.SkipEvent(ctx, messagingdb.SkipEventParams{
			Topic: tp.Topic, Part: int32(tp.Partition), TopicID: next.topicID.UUID(),
			FromOffset: next.from, Next: next.record.Next(), LeaderEpoch: next.record.LeaderEpoch,
		})
		if err != nil {
			return fmt.Errorf("move the position: %w", err)
		}
		if moved == 0 {
			return &Error{Code: CodeMoved, Detail: "the position has moved meanwhile: nothing was skipped"}
		}
		it := decodeRecord(tp, next.topicID, next.record)
		it.err = &poisonError{code: codeSkipped, reason: "an operator has passed over it: " + by.Reason}
		if used, err = c.storeDeadLetter(ctx, tx, it); err != nil {
			return fmt.Errorf("store a dead letter: %w", err)
		}
		if err := c.recordEvents(ctx, tx, []item{it}); err != nil {
			return err
		}
		row, err := q.GetDeadLetterAt(ctx, messagingdb.GetDeadLetterAtParams{
			Topic: tp.Topic, TopicID: next.topicID.UUID(), Part: int32(tp.Partition), At: next.record.Offset,
		})
		if err != nil {
			return fmt.Errorf("read the dead letter: %w", err)
		}
		letter = toDeadLetter(row)
		return recordLetter(ctx, tx, by, "consumer skip", letter)
	})
	if err != nil {
		return DeadLetter{}, err
	}
	c.log.LogAttrs(ctx, slog.LevelInfo, "an event was skipped", slog.String("partition", tp.String()),
		slog.Int64("offset", next.record.Offset), slog.Int64("dead_letter", letter.ID))
	c.committed(used)
	return letter, nil
}

// nextEvent is the record at a position, or the first one after it.
type nextEvent struct {
	from    int64
	topicID broker.TopicID
	record  broker.Fetched
}

var errFound = errors.New("the record is found")

func (c *Consumer[T]) nextEvent(ctx context.Context, kafka LogReader, tp broker.TopicPartition) (next nextEvent, err error) {
	row, err := messagingdb.New(c.pool).GetPosition(ctx, tp.Topic, int32(tp.Partition))
	if errors.Is(err, pgx.ErrNoRows) {
		return next, &Error{Code: CodeInvalid, Detail: fmt.Sprintf("%s was never read", tp)}
	}
	if err != nil {
		return next, fmt.Errorf("read the position of %s: %w", tp, err)
	}
	next.from, next.topicID = row.NextOffset, broker.TopicID(row.TopicID)
	id, err := kafka.TopicID(ctx, tp.Topic)
	if err != nil {
		return next, fmt.Errorf("read the id of %s: %w", tp.Topic, err)
	}
	if isOther(id, next.topicID) {
		return next, &Error{Code: CodeOtherTopic, Detail: fmt.Sprintf("the topic %s was created again: adopt it first", tp.Topic)}
	}
	end, err := kafka.EndOffset(ctx, tp)
	if err != nil {
		return next, fmt.Errorf("find the end of %s: %w", tp, err)
	}
	err = kafka.ReadRange(ctx, tp, next.from, end, func(r broker.Fetched) error {
		next.record = r
		return errFound
	})
	switch {
	case errors.Is(err, errFound):
		return next, nil
	case err != nil:
		return next, fmt.Errorf("read the event at %d of %s: %w", next.from, tp, err)
	default:
		return next, &Error{Code: CodeInvalid, Detail: fmt.Sprintf("%s has no event after its position %d", tp, next.from)}
	}
}
