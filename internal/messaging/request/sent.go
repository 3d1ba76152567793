package request

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// Sent is a request that this service has sent.
type Sent struct {
	ID      uuid.UUID // a version 7 UUID; also the id of the message
	Topic   string
	Key     string
	Number  int64           // counts the requests of the key; the version of the message
	Subject string          // what the request is about, for LatestOf
	Body    json.RawMessage // what the service keeps with the request
	Caller  string          // who asked the service for it, for counts; may be empty

	CreatedAt time.Time
	ExpiresAt time.Time // the owner does not carry out the request after this time

	UnreadableAt *time.Time      // since then the owner's operator has to look at the request; nil if not
	Outcome      Kind            // "" while the request is pending
	Result       json.RawMessage // what the service keeps of the outcome
	FinishedAt   *time.Time      // nil while the request is pending
}

// Once identifies a request that must not be sent twice.
type Once struct {
	ID          [32]byte
	Fingerprint [32]byte // of what the request asks for
}

var (
	// ErrUnknown means that there is no such request, or that it is no longer kept.
	ErrUnknown = errors.New("there is no such request")
	// ErrReused means that an earlier request has the same Once.ID and another fingerprint.
	ErrReused = errors.New("the id was used for another request")
)

// Recall returns the request that was sent with this id. If a request with this id is being sent in another transaction,
// Recall waits for the end of that transaction. It fails with ErrUnknown if there is no such request. Then no other
// transaction can send one before this transaction ends.
func Recall(ctx context.Context, tx pgx.Tx, once Once) (Sent, error) {
	q := messagingdb.New(tx)
	if err := q.LockOnce(ctx, int64(binary.BigEndian.Uint64(once.ID[:8]))); err != nil {
		return Sent{}, fmt.Errorf("lock the id of a request: %w", err)
	}
	// This must be a separate statement: its snapshot is younger than the lock, so it sees what the last holder committed.
	row, err := q.GetSentRequestOnce(ctx, once.ID[:])
	if err == nil && !bytes.Equal(row.Fingerprint, once.Fingerprint[:]) {
		return Sent{}, ErrReused
	}
	return toSent(row, err)
}

// Send stores the request and appends its message, in the caller's transaction. The request's number is one that NextNumber
// has returned in the same transaction. once may be nil. If it is not, Recall must have failed with ErrUnknown in the same
// transaction. After the commit, the caller wakes the relay.
func Send(ctx context.Context, tx pgx.Tx, s Sent, once *Once, m event.Message) error {
	if m.ID != s.ID || m.Topic != s.Topic || m.Key != s.Key || m.Version != s.Number {
		return fmt.Errorf("the message %s %s %s %d is not of the request %s %s %s %d",
			m.ID, m.Topic, m.Key, m.Version, s.ID, s.Topic, s.Key, s.Number)
	}
	row := messagingdb.InsertSentRequestParams{
		ID: s.ID, Topic: s.Topic, Key: s.Key, Number: s.Number, Subject: s.Subject, Body: s.Body, Caller: s.Caller,
		CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt,
	}
	if once != nil {
		row.OnceID, row.Fingerprint = once.ID[:], once.Fingerprint[:]
	}
	if err := messagingdb.New(tx).InsertSentRequest(ctx, row); err != nil {
		return fmt.Errorf("store a request: %w", err)
	}
	return outbox.Append(ctx, tx, m)
}

// DB is a pool or a transaction.
type DB = messagingdb.DBTX

// Get returns the request of the topic with the id. It fails with ErrUnknown if there is none.
func Get(ctx context.Context, db DB, topic string, id uuid.UUID) (Sent, error) {
	return toSent(messagingdb.New(db).GetSentRequest(ctx, topic, id))
}

// LatestOf returns the last request of the topic about the subject. All requests about it must have the same key. It fails
// with ErrUnknown if there is none.
func LatestOf(ctx context.Context, db DB, topic, subject string) (Sent, error) {
	return toSent(messagingdb.New(db).LatestSentRequest(ctx, topic, subject))
}

func toSent(row messagingdb.SentRequest, err error) (Sent, error) {
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Sent{}, ErrUnknown
	case err != nil:
		return Sent{}, fmt.Errorf("read a request: %w", err)
	}
	s := Sent{
		ID: row.ID, Topic: row.Topic, Key: row.Key, Number: row.Number, Subject: row.Subject, Body: row.Body, Caller: row.Caller,
		CreatedAt: row.CreatedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(), UnreadableAt: inUTC(row.UnreadableAt),
		Result: row.Result, FinishedAt: inUTC(row.FinishedAt),
	}
	if row.Outcome != nil {
		s.Outcome = Kind(*row.Outcome)
	}
	return s, nil
}

func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}
