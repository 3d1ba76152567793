package repair

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// Publishing says which topics of the outbox are meant.
type Publishing struct {
	Topic  string // or outbox.AllTopics
	DryRun bool   // find out what would be changed; this needs no operator
}

func (s Service) checkPublished(topic string) error {
	if topic == outbox.AllTopics || slices.Contains(s.Publishes, topic) {
		return nil
	}
	return fmt.Errorf("this service does not publish the topic %q. It publishes %s", topic, strings.Join(s.Publishes, ", "))
}

// PauseOutbox stops the relay for a topic or for all, until ResumeOutbox. It returns what it has paused: the rest is paused
// already.
func (s Service) PauseOutbox(ctx context.Context, by audit.Operator, p Publishing) (paused []outbox.PausedTopic, err error) {
	if err := s.checkPublished(p.Topic); err != nil {
		return nil, err
	}
	err = s.change(ctx, by, "outbox pause", p.DryRun, func(tx pgx.Tx) (any, error) {
		paused, err = outbox.Pause(ctx, tx, p.Topic, fmt.Sprintf("%s (%s)", by.Reason, by.By))
		return paused, err
	})
	return paused, err
}

// ResumeOutbox lets the relay go on. It returns what was paused.
func (s Service) ResumeOutbox(ctx context.Context, by audit.Operator, p Publishing) (resumed []outbox.PausedTopic, err error) {
	if err := s.checkPublished(p.Topic); err != nil {
		return nil, err
	}
	err = s.change(ctx, by, "outbox resume", p.DryRun, func(tx pgx.Tx) (any, error) {
		resumed, err = outbox.Resume(ctx, tx, p.Topic)
		return resumed, err
	})
	return resumed, err
}
