package outbox

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/propagation"

	"github.com/monsplit/monsplit/internal/messaging/event"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// MaxPayload is the largest payload of a message, in bytes. With its key and headers, a message of this size still fits
// into a Kafka message of the default size. Append refuses a larger one: the broker would never accept it, and in the
// outbox it would block its aggregate forever. The table outbox_event checks the same limit.
const MaxPayload = 917_504

// TooLargeError reports a message whose payload is larger than MaxPayload. It is the caller's input that is too large:
// the same message never fits, so trying again does not help.
type TooLargeError struct {
	Bytes int // size of the payload
	Limit int // MaxPayload
}

// Error implements error. The text is safe to show to a client.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the event is too large: %d bytes, the limit is %d", e.Bytes, e.Limit)
}

// Append adds the messages to the outbox, in the given order. tx is the transaction of the change that they describe.
// Before the call, the caller locks the row of each message's aggregate and raises its version by one. After the
// commit, the caller wakes the relay (Relay.Wake).
//
// If a message is too large, Append returns a *TooLargeError and writes nothing.
func Append(ctx context.Context, tx pgx.Tx, msgs ...event.Message) error {
	return appendTo(ctx, tx, msgs)
}

// Queue is Append in a batch: it adds the statement to the batch, which the caller sends in the transaction of the change. So
// the caller can send other statements in the same round trip. An error of the database is an error of the batch.
func Queue(ctx context.Context, batch *pgx.Batch, msgs ...event.Message) error {
	return appendTo(ctx, queued{batch: batch}, msgs)
}

// queued adds statements without a result to a batch.
type queued struct {
	messagingdb.DBTX // nil: a statement with a result cannot be queued
	batch            *pgx.Batch
}

func (q queued) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	q.batch.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

func appendTo(ctx context.Context, db messagingdb.DBTX, msgs []event.Message) error {
	for _, m := range msgs {
		if err := check(m); err != nil {
			return err
		}
	}
	var err error
	switch q := messagingdb.New(db); len(msgs) {
	case 0:
		return nil
	case 1:
		m := msgs[0]
		err = q.AppendOne(ctx, messagingdb.AppendOneParams{
			Shard: int16(m.Shard()), EventID: m.ID, Topic: m.Topic, Key: m.Key, Version: m.Version, Prev: m.Version - 1,
			Type: m.Type, Payload: m.Payload, Traceparent: traceparent(ctx),
		})
	default:
		err = q.AppendMany(ctx, columns(ctx, msgs))
	}
	if err != nil {
		return fmt.Errorf("append to the outbox: %w", err)
	}
	return nil
}

// AppendAfterGap is Append for events of one topic whose versions are higher than the next one. The relay publishes each of
// them after those of its aggregate that are pending. Only a command that repairs a history needs it.
func AppendAfterGap(ctx context.Context, tx pgx.Tx, topic string, msgs []event.Message) error {
	if err := Append(ctx, tx, msgs...); err != nil {
		return err
	}
	keys, versions := keysAndVersions(msgs)
	if err := messagingdb.New(tx).FollowPending(ctx, topic, keys, versions); err != nil {
		return fmt.Errorf("put events of %s after those that are pending: %w", topic, err)
	}
	return nil
}

// WithoutPending returns the events of one topic whose versions are not pending. The relay publishes the others anyway.
func WithoutPending(ctx context.Context, tx pgx.Tx, topic string, msgs []event.Message) (rest []event.Message, err error) {
	keys, versions := keysAndVersions(msgs)
	pending, err := messagingdb.New(tx).PendingVersions(ctx, keys, versions, topic)
	if err != nil {
		return nil, fmt.Errorf("look for pending events of %s: %w", topic, err)
	}
	skip := make(map[string]bool, len(pending))
	for _, key := range pending {
		skip[key] = true
	}
	for _, m := range msgs {
		if !skip[m.Key] {
			rest = append(rest, m)
		}
	}
	return rest, nil
}

func keysAndVersions(msgs []event.Message) (keys []string, versions []int64) {
	for _, m := range msgs {
		keys, versions = append(keys, m.Key), append(versions, m.Version)
	}
	return keys, versions
}

func check(m event.Message) error {
	if m.Version < 1 {
		return fmt.Errorf("append %s %s to the outbox: version %d, but versions begin at 1", m.Type, m.Key, m.Version)
	}
	if m.Version > event.MaxVersion {
		return fmt.Errorf("append %s %s to the outbox: version %d, but the highest version is %d", m.Type, m.Key, m.Version, event.MaxVersion)
	}
	if n := len(m.Payload); n > MaxPayload {
		return &TooLargeError{Bytes: n, Limit: MaxPayload}
	}
	return nil
}

func columns(ctx context.Context, msgs []event.Message) messagingdb.AppendManyParams {
	n := len(msgs)
	c := messagingdb.AppendManyParams{
		Shards: make([]int16, n), EventIds: make([]uuid.UUID, n), Topics: make([]string, n), Keys: make([]string, n),
		Versions: make([]int64, n), Types: make([]string, n), Payloads: make([][]byte, n), Traceparent: traceparent(ctx),
	}
	for i, m := range msgs {
		c.Shards[i], c.EventIds[i], c.Topics[i], c.Keys[i] = int16(m.Shard()), m.ID, m.Topic, m.Key
		c.Versions[i], c.Types[i], c.Payloads[i] = m.Version, m.Type, m.Payload
	}
	return c
}

// traceparent returns the W3C trace context of the request that made the change, or nil without one.
func traceparent(ctx context.Context) *string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	if parent := carrier.Get("traceparent"); parent != "" {
		return &parent
	}
	return nil
}
