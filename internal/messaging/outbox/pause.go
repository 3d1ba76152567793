package outbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// AllTopics stands for every topic of the outbox.
const AllTopics = ""

// ErrAllPaused is what Resume returns for a topic while the whole outbox is paused.
var ErrAllPaused = errors.New("the whole outbox is paused: resume it without a topic")

// PausedTopic is a topic, or the whole outbox, that an operator has paused.
type PausedTopic struct {
	Topic  string    `json:"topic"` // or AllTopics
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
}

// Pause stops the publishing of a topic, or of AllTopics, until Resume. Changes are still made, and their events wait in the
// outbox. Running relays notice it with their next lease pass. A batch that is in flight then is still sent, because only its
// answer says whether it is in the log. What is paused already stays as it is, and is not returned.
func Pause(ctx context.Context, tx pgx.Tx, topic, reason string) ([]PausedTopic, error) {
	rows, err := messagingdb.New(tx).PauseOutbox(ctx, topic, reason)
	if err != nil {
		return nil, fmt.Errorf("pause the outbox: %w", err)
	}
	return toPausedTopics(rows), nil
}

// Resume ends the pause of a topic; for AllTopics, it ends all pauses. It returns what was paused.
func Resume(ctx context.Context, tx pgx.Tx, topic string) ([]PausedTopic, error) {
	q := messagingdb.New(tx)
	rows, err := q.ResumeOutbox(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("resume the outbox: %w", err)
	}
	rest, err := q.ListPauses(ctx)
	if err != nil {
		return nil, fmt.Errorf("resume the outbox: %w", err)
	}
	if len(rest) > 0 && rest[0].Topic == AllTopics {
		return nil, ErrAllPaused
	}
	return toPausedTopics(rows), nil
}

func toPausedTopics(rows []messagingdb.OutboxPause) []PausedTopic {
	topics := make([]PausedTopic, len(rows))
	for i, row := range rows {
		topics[i] = PausedTopic{Topic: row.Topic, Reason: row.Reason, Since: row.Since.UTC()}
	}
	return topics
}

// String says what is paused, since when and why.
func (p PausedTopic) String() string {
	topic := "the whole outbox"
	if p.Topic != AllTopics {
		topic = p.Topic
	}
	return fmt.Sprintf(`%s since %s: %s. It continues with "outbox resume"`, topic, p.Since.Format(time.RFC3339), p.Reason)
}

// pauses are the pauses that the last lease pass has read, by topic.
type pauses map[string]PausedTopic

// has reports whether the topic or the whole outbox is paused.
func (p pauses) has(topic string) bool {
	_, all := p[AllTopics]
	_, one := p[topic]
	return all || one
}

// list returns the pauses, sorted by topic.
func (p pauses) list() (list []PausedTopic) {
	for _, topic := range slices.Sorted(maps.Keys(p)) {
		list = append(list, p[topic])
	}
	return list
}

func (k *leaseKeeper) listPauses(ctx context.Context, q *messagingdb.Queries) (pauses, error) {
	rows, err := q.ListPauses(ctx)
	if err != nil {
		return nil, fmt.Errorf("read what is paused: %w", err)
	}
	p := pauses{}
	for _, t := range toPausedTopics(rows) {
		p[t.Topic] = t
	}
	return p, nil
}

// maySend reports whether the lane has rows to send, and its topic is not paused. A batch that is in flight is sent again also
// while its topic is paused: it may be in the log.
func (c *coordinator) maySend(l *lane) bool {
	return l.inFlight != nil || len(l.queue) > 0 && !c.paused.has(l.tp.Topic)
}
