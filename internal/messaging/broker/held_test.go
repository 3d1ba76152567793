package broker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// A partition whose queue is full takes part in no fetch. As long as its handler makes no progress, it must not make the
// fetches of the other partitions short either.
func TestFullQueueOfAHeldPartitionCausesNoFetches(t *testing.T) {
	t.Parallel()
	const maxWait, several = 200 * time.Millisecond, 5
	for name, handle := range map[string]func(context.Context) error{
		"held": func(context.Context) error { return errors.New("the database is away") },
		"slow": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.write(t, 0, numbers(0, 5)...)
			db := newCopies()
			db.before = func(ctx context.Context, tp broker.TopicPartition, _ []broker.Fetched) error {
				if tp == b.tp(0) {
					return handle(ctx)
				}
				return nil
			}
			b.consume(t, b.client, broker.GroupConfig{MaxRecords: 1, MaxWait: maxWait, HandleGrace: time.Millisecond}, db)
			kafkatest.Eventually(t, "it is fetched from", func() bool { return b.Requests(kafkatest.Fetch) > 1 })
			since, before := time.Now(), b.Requests(kafkatest.Fetch)
			kafkatest.Eventually(t, "fetches wait for records", func() bool {
				now := b.Requests(kafkatest.Fetch)
				if now < before+several {
					return false
				}
				took := time.Since(since)
				since, before = time.Now(), now
				return took > several*maxWait/2
			})
			b.write(t, 1, "other") // is not delayed
			kafkatest.Eventually(t, "the other partition is applied", func() bool { return db.position(b.tp(1)) == 1 })
		})
	}
}
