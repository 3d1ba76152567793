package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// The load of the outbox suites: events of about 600 bytes, for as many aggregates as in a catalog.
const (
	outboxKeys    = 20_000
	outboxPayload = 600
)

// newTopic creates an empty topic.
func newTopic(ctx context.Context, client *broker.Client) (string, error) {
	name := "bench-" + uuid.NewString()
	return name, client.EnsureTopic(ctx, broker.TopicSpec{Name: name, Partitions: event.Partitions})
}

// fillOutbox replaces the content of the outbox by n events of a topic. They are all pending or all sent. There are no
// leases.
func fillOutbox(ctx context.Context, pool *pgxpool.Pool, topic string, n int, pending bool) error {
	if _, err := pool.Exec(ctx, `TRUNCATE outbox_event, outbox_pending, outbox_blocked, outbox_instance, outbox_lease;
		SELECT setval('outbox_seq', 1, false)`, pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	return addToOutbox(ctx, pool, topic, n, pending)
}

// addToOutbox appends n events by COPY.
func addToOutbox(ctx context.Context, pool *pgxpool.Pool, topic string, n int, pending bool) error {
	if n == 0 {
		return nil
	}
	config := pool.Config().ConnConfig.Copy()
	config.RuntimeParams["statement_timeout"] = "0"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var first int64
	if err := conn.QueryRow(ctx, `SELECT coalesce(max(seq), 0) + 1 FROM outbox_event`).Scan(&first); err != nil {
		return err
	}
	for p := first / 1_000_000; p <= (first+int64(n))/1_000_000; p++ {
		if _, err := conn.Exec(ctx, fmt.Sprintf(`SELECT outbox_make_partition(%d)`, p)); err != nil {
			return err
		}
	}
	keys, shards := outboxKeyList()
	payload, created := []byte(strings.Repeat("x", outboxPayload)), time.Now()
	version := func(i int) int64 { return int64(i/outboxKeys + 1) }
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{"outbox_event"},
		[]string{"seq", "shard", "event_id", "topic", "key", "version", "prev", "type", "payload", "created_at"},
		pgx.CopyFromSlice(n, func(i int) ([]any, error) {
			k := i % outboxKeys
			return []any{first + int64(i), shards[k], uuid.UUID{}, topic, keys[k], version(i), version(i) - 1, "bench.v1", payload, created}, nil
		})); err != nil {
		return err
	}
	if pending {
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{"outbox_pending"},
			[]string{"shard", "seq", "topic", "key", "version", "prev_seq"},
			pgx.CopyFromSlice(n, func(i int) ([]any, error) {
				k, prev := i%outboxKeys, int64(0)
				if i >= outboxKeys {
					prev = first + int64(i) - outboxKeys
				}
				return []any{shards[k], first + int64(i), topic, keys[k], version(i), prev}, nil
			})); err != nil {
			return err
		}
	}
	_, err = conn.Exec(ctx, `SELECT setval('outbox_seq', $1)`, first+int64(n)-1)
	if err != nil {
		return err
	}
	for _, statement := range []string{`VACUUM ANALYZE outbox_event`, `VACUUM ANALYZE outbox_pending`, `CHECKPOINT`} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func outboxKeyList() (keys []string, shards []int16) {
	for i := range outboxKeys {
		key := uuid.NewSHA1(uuid.Nil, fmt.Append(nil, i)).String()
		keys = append(keys, key)
		shards = append(shards, int16(event.Partition([]byte(key), event.Partitions)))
	}
	return keys, shards
}
