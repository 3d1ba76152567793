package request

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// park keeps requests until Run decides about them.
func (s *session[T, R]) park(ctx context.Context, waiting []arrival[R]) error {
	if len(waiting) == 0 {
		return nil
	}
	p := messagingdb.InsertParkedParams{Topic: s.cfg.Topic, ParkedAt: s.cfg.Now()}
	for _, r := range waiting {
		message, err := json.Marshal(r.event.Event)
		if err != nil {
			return fmt.Errorf("encode request %s: %w", r.ID, err)
		}
		p.Keys, p.Numbers, p.Ids = append(p.Keys, r.Key), append(p.Numbers, r.Number), append(p.Ids, r.ID)
		p.Parts, p.Ats = append(p.Parts, int32(r.event.Partition)), append(p.Ats, r.event.Offset)
		p.TopicIds = append(p.TopicIds, r.event.TopicID.UUID())
		p.Messages, p.Needs, p.Expires = append(p.Messages, message), append(p.Needs, r.Needs), append(p.Expires, r.ExpiresAt)
	}
	if err := s.q.InsertParked(ctx, p); err != nil {
		return fmt.Errorf("park requests: %w", err)
	}
	return nil
}

// releasedAtOnce bounds how many requests of a key one transaction decides.
const releasedAtOnce = 500

// release decides about the parked requests of a key whose lock the session holds, as far as possible. It reports whether
// there may be more.
func (s *session[T, R]) release(ctx context.Context, key string) (more bool, err error) {
	rows, err := s.q.ParkedOf(ctx, messagingdb.ParkedOfParams{
		Topic: s.cfg.Topic, Key: key, Now: s.cfg.Now(), MaxRows: releasedAtOnce,
	})
	if err != nil {
		return false, fmt.Errorf("read the parked requests of %s: %w", key, err)
	}
	arrivals := make([]arrival[R], 0, len(rows))
	done := make(map[uuid.UUID]bool, len(rows))
	for _, row := range rows {
		done[row.ID] = true
		r, err := s.readAgain(key, row)
		if err == nil {
			arrivals = append(arrivals, r)
		} else if err := s.bury(ctx, r, err); err != nil {
			return false, err
		}
	}
	s.spoiled = s.bury
	waiting, err := s.settle(ctx, arrivals, map[string]bool{})
	if err != nil {
		return false, err
	}
	for _, r := range waiting {
		delete(done, r.ID)
	}
	ids := make([]uuid.UUID, 0, len(done))
	for id := range done {
		ids = append(ids, id)
	}
	if err := s.q.DeleteParked(ctx, ids); err != nil {
		return false, fmt.Errorf("delete parked requests: %w", err)
	}
	return len(rows) == releasedAtOnce && len(waiting) == 0, s.finish(ctx)
}

// readAgain reads a parked request. This fails only if a newer version of the service reads less than the one that parked it.
func (s *session[T, R]) readAgain(key string, row messagingdb.ParkedOfRow) (r arrival[R], err error) {
	r.event = consumer.Event{
		Topic: s.cfg.Topic, TopicID: broker.TopicID(row.TopicID), Partition: int(row.Part), Offset: row.Offset, Key: key,
	}
	r.message = row.Message
	if r.event.Event, err = event.Decode(row.Message); err == nil {
		r.Received, err = s.cfg.Read(r.event)
	}
	if err != nil {
		r.ID, r.Key, r.event.ID = row.ID, key, row.ID.String()
	}
	return r, err
}

// bury makes a parked request a dead letter, with the outcome Unreadable. The consumer cannot do it, because it is past the
// request.
func (s *session[T, R]) bury(ctx context.Context, r arrival[R], fault error) error {
	if err := consumer.Bury(ctx, s.raw, r.event, r.message, fault); err != nil {
		return err
	}
	s.note(Outcome{Request: r.ID, Key: r.Key, Kind: Unreadable}, r.ExpiresAt)
	return nil
}
