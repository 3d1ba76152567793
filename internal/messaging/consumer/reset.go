package consumer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// AllPartitions is the partition of PlanReset that stands for all of them.
const AllPartitions = -1

// Place says where in a log to set a position.
type Place struct {
	kind   placeKind
	offset int64
}

type placeKind int

const (
	logStart placeKind = iota
	logEnd
	atOffset
)

// AtStart is the place of the oldest record.
func AtStart() Place { return Place{kind: logStart} }

// AtEnd is the place after the newest record. Earlier records that were not applied never will be.
func AtEnd() Place { return Place{kind: logEnd} }

// AtOffset is the place of the record with that offset.
func AtOffset(offset int64) Place { return Place{atOffset, offset} }

// ParsePlace reads "start", "end" or an offset.
func ParsePlace(s string) (Place, error) {
	switch s {
	case "start":
		return AtStart(), nil
	case "end":
		return AtEnd(), nil
	}
	offset, err := strconv.ParseInt(s, 10, 64)
	if err != nil || offset < 0 {
		return Place{}, &Error{Code: CodeInvalid, Detail: "the place is start, end or an offset"}
	}
	return AtOffset(offset), nil
}

// Logs is the part of broker.Client that finds places in logs.
type Logs interface {
	Partitions(ctx context.Context, topic string) (int, error)
	TopicID(ctx context.Context, topic string) (broker.TopicID, error)
	StartOffset(ctx context.Context, tp broker.TopicPartition) (int64, error)
	EndOffset(ctx context.Context, tp broker.TopicPartition) (int64, error)
}

// NewPosition is where a command sets a position.
type NewPosition struct {
	broker.TopicPartition
	Offset  int64
	TopicID broker.TopicID // of the present topic
	// Adopt moves only positions in a topic that was created again. Otherwise, the position must belong to this topic already.
	Adopt bool
}

// PlanReset finds the place in a partition of a topic, or in AllPartitions. It changes nothing. An offset that is not in the
// log is an *Error.
func PlanReset(ctx context.Context, logs Logs, topic string, partition int, to Place) ([]NewPosition, error) {
	n, err := logs.Partitions(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("plan the reset: %w", err)
	}
	if partition < AllPartitions || partition >= n {
		return nil, &Error{Code: CodeInvalid, Detail: fmt.Sprintf("the topic %s has the partitions 0 to %d", topic, n-1)}
	}
	id, err := logs.TopicID(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("plan the reset: %w", err)
	}
	var plan []NewPosition
	for p := range n {
		if partition != AllPartitions && partition != p {
			continue
		}
		tp := broker.TopicPartition{Topic: topic, Partition: p}
		offset, err := findPlace(ctx, logs, tp, to)
		if err != nil {
			return nil, err
		}
		plan = append(plan, NewPosition{TopicPartition: tp, Offset: offset, TopicID: id})
	}
	return plan, nil
}

// PlanAdoption finds the place in every partition of the topics. When Reset carries the plan out, the positions of topics that
// were created again move there. All others stay where they are. PlanAdoption changes nothing.
func PlanAdoption(ctx context.Context, logs Logs, topics []string, to Place) ([]NewPosition, error) {
	var plan []NewPosition
	for _, topic := range slices.Sorted(slices.Values(topics)) {
		positions, err := PlanReset(ctx, logs, topic, AllPartitions, to)
		if err != nil {
			return nil, err
		}
		for _, p := range positions {
			p.Adopt = true
			plan = append(plan, p)
		}
	}
	return plan, nil
}

func findPlace(ctx context.Context, logs Logs, tp broker.TopicPartition, to Place) (int64, error) {
	start, err := logs.StartOffset(ctx, tp)
	if err != nil {
		return 0, fmt.Errorf("find the start of %s: %w", tp, err)
	}
	end, err := logs.EndOffset(ctx, tp)
	if err != nil {
		return 0, fmt.Errorf("find the end of %s: %w", tp, err)
	}
	switch {
	case to.kind == logStart:
		return start, nil
	case to.kind == logEnd:
		return end, nil
	case to.offset < start || to.offset > end:
		return 0, &Error{Code: CodeInvalid, Detail: fmt.Sprintf("the log of %s has the offsets %d to %d", tp, start, end)}
	}
	return to.offset, nil
}

// StoredPosition is a row of consumer_position.
type StoredPosition struct {
	broker.TopicPartition
	Offset  int64          // the next one to apply
	TopicID broker.TopicID // zero if it is not known
	MovedAt time.Time
	Paused  *Pausing // nil if it is not paused
}

// Pausing says since when and why a partition is paused.
type Pausing struct {
	Code   broker.HaltCode `json:"code"`
	Reason string          `json:"reason"`
	Since  time.Time       `json:"since"`
}

// Positions returns all stored positions, sorted by topic and partition.
func Positions(ctx context.Context, pool *pgxpool.Pool) ([]StoredPosition, error) {
	rows, err := messagingdb.New(pool).ListPositions(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the positions: %w", err)
	}
	positions := make([]StoredPosition, len(rows))
	for i, r := range rows {
		positions[i] = StoredPosition{
			TopicPartition: broker.TopicPartition{Topic: r.Topic, Partition: int(r.Part)}, Offset: r.NextOffset,
			TopicID: broker.TopicID(r.TopicID), MovedAt: r.MovedAt.UTC(),
		}
		if r.PausedCode != nil {
			positions[i].Paused = &Pausing{Code: broker.HaltCode(*r.PausedCode), Reason: orEmpty(r.PausedReason), Since: *utc(r.PausedAt)}
		}
	}
	return positions, nil
}

// PositionChange is what Reset has changed, for the record of an operator's action.
type PositionChange struct {
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
	From      *int64 `json:"from"` // null if the partition was never read
	To        int64  `json:"to"`
	FromTopic string `json:"from_topic_id,omitempty"`
	ToTopic   string `json:"to_topic_id,omitempty"`
}

// Reset sets positions. Running consumers notice it: a batch that one of them is applying is rolled back, or was committed
// before. A plan without Adopt is refused with CodeOtherTopic if a position belongs to another topic of the same name.
//
// The rows of a copy stay as they are. Their versions make the handler ignore old events.
func Reset(ctx context.Context, tx pgx.Tx, plan []NewPosition) ([]PositionChange, error) {
	q := messagingdb.New(tx)
	stored := map[string]map[int32]messagingdb.LockPositionsRow{} // by topic and partition
	for _, topic := range planTopics(plan) {
		rows, err := q.LockPositions(ctx, topic)
		if err != nil {
			return nil, fmt.Errorf("lock the positions of %s: %w", topic, err)
		}
		stored[topic] = make(map[int32]messagingdb.LockPositionsRow, len(rows))
		for _, row := range rows {
			stored[topic][row.Part] = row
		}
	}
	changes := make([]PositionChange, 0, len(plan))
	for _, p := range plan {
		if p.Adopt && !needsAdoption(p, stored[p.Topic]) {
			continue
		}
		change := PositionChange{Topic: p.Topic, Partition: p.Partition, To: p.Offset, ToTopic: textOf(p.TopicID)}
		if row, ok := stored[p.Topic][int32(p.Partition)]; ok {
			was := broker.TopicID(row.TopicID)
			change.From, change.FromTopic = &row.NextOffset, textOf(was)
			if !p.Adopt && isOther(was, p.TopicID) {
				return nil, &Error{Code: CodeOtherTopic, Detail: fmt.Sprintf("the topic %s was created again, and the position belongs "+
					"to the earlier one: adopt the new topic instead", p.Topic)}
			}
			if p.TopicID.IsZero() {
				p.TopicID, change.ToTopic = was, change.FromTopic
			}
		}
		err := q.ResetPosition(ctx, messagingdb.ResetPositionParams{
			Topic: p.Topic, Part: int32(p.Partition), NextOffset: p.Offset, TopicID: p.TopicID.UUID(),
		})
		if err != nil {
			return nil, fmt.Errorf("set the position of %s: %w", p.TopicPartition, err)
		}
		changes = append(changes, change)
	}
	return changes, nil
}

// needsAdoption reports whether a partition belongs to a topic that was created again, and has not been adopted yet. A position
// whose topic is not known stays: a consumer trusts it.
func needsAdoption(p NewPosition, stored map[int32]messagingdb.LockPositionsRow) bool {
	if row, ok := stored[int32(p.Partition)]; ok {
		return isOther(broker.TopicID(row.TopicID), p.TopicID)
	}
	for _, row := range stored {
		if isOther(broker.TopicID(row.TopicID), p.TopicID) {
			return true
		}
	}
	return false
}

// isOther reports whether two topics are certainly not the same.
func isOther(a, b broker.TopicID) bool { return !a.IsZero() && !b.IsZero() && a != b }

// planTopics returns the topics of a plan, in the order in which every command locks them.
func planTopics(plan []NewPosition) []string {
	topics := make([]string, 0, len(plan))
	for _, p := range plan {
		topics = append(topics, p.Topic)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func textOf(id broker.TopicID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}
