package outbox

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/propagation"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/messaging/event"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// MaxPayload is how large a message may be, in bytes: with key and headers it always fits a Kafka message of the default
// size. What the broker could never take must not get into the outbox, where it would hold its aggregate back for ever.
const MaxPayload = 917_504

// Append adds the messages to the outbox, in their order, within the transaction of the change that they announce. The
// caller has locked the row of each message's aggregate and given it its next version. The relay should be woken after
// the commit.
//
// A message that is too large gives an Invalid error before anything is written.
func Append(ctx context.Context, tx pgx.Tx, msgs ...event.Message) error {
	for _, m := range msgs {
		if err := check(m); err != nil {
			return err
		}
	}
	var err error
	switch q := messagingdb.New(tx); len(msgs) {
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

func check(m event.Message) error {
	if m.Version < 1 {
		return fmt.Errorf("append %s %s to the outbox: version %d, the first is 1", m.Type, m.Key, m.Version)
	}
	if n := len(m.Payload); n > MaxPayload {
		return apperr.New(apperr.Invalid, fmt.Sprintf("too large to be announced: %d bytes, the limit is %d", n, MaxPayload))
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

// traceparent is the W3C trace context of the request that made the change, or nil.
func traceparent(ctx context.Context) *string {
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	if parent := carrier.Get("traceparent"); parent != "" {
		return &parent
	}
	return nil
}
