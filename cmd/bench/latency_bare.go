package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/strictjson"
)

// The source of the bare chain: the product and its event as the monolith stores them, without anything that guarantees
// delivery.
const (
	bareSchema = `CREATE TABLE product (product_uuid uuid PRIMARY KEY, name text COLLATE "C", product_category text COLLATE "C",
    discontinued boolean, deleted boolean, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TABLE event (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text, payload bytea);`
	bareInsert = `WITH p AS (
    INSERT INTO product VALUES ($1, $2, $3, false, false, 1, $4, $4)
) INSERT INTO event (key, payload) VALUES ($5, $6)`
)

// bareChain does the minimum to bring a change from one database into another: insert, hand over in memory, produce, fetch,
// upsert.
type bareChain struct {
	source, target *pgxpool.Pool
	client         *broker.Client
	topic          string
	handed         chan broker.Record
}

// startBareChain starts a bareChain that runs until the suite ends.
func startBareChain(ctx context.Context, e *env, brokers []string) (*chain, error) {
	b := &bareChain{handed: make(chan broker.Record, 10_000)}
	for _, end := range []struct {
		pool   **pgxpool.Pool
		schema string
	}{{&b.source, bareSchema}, {&b.target, applySchema}} {
		database, err := e.emptyDatabase(ctx)
		if err != nil {
			return nil, err
		}
		if *end.pool, err = e.pool(ctx, database); err != nil {
			return nil, err
		}
		if _, err := (*end.pool).Exec(ctx, end.schema); err != nil {
			return nil, err
		}
	}
	var err error
	if b.client, err = e.client(brokers); err != nil {
		return nil, err
	}
	if b.topic, err = newTopic(ctx, b.client); err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	g, running := errgroup.WithContext(running)
	g.Go(func() error { return b.publish(running) })
	g.Go(func() error {
		return b.client.Consume(running, broker.GroupConfig{GroupID: b.topic, Topics: []string{b.topic}}, b)
	})
	e.closers = append(e.closers, func() {
		stop()
		_ = g.Wait() // its error is that it was stopped
	})
	return &chain{
		name: "the bare chain", source: b.source, target: b.target,
		sourceTimes: `SELECT product_uuid, pg_xact_commit_timestamp(xmin) FROM product WHERE product_category = $1`,
		targetTimes: `SELECT id, pg_xact_commit_timestamp(xmin) FROM product_copy WHERE product_category = $1`,
		arrived:     `SELECT count(*) FROM product_copy WHERE product_category = $1`,
		change: func(ctx context.Context, name, category string) error {
			if running.Err() != nil {
				return fmt.Errorf("the bare chain has ended: %w", context.Cause(running))
			}
			return b.change(ctx, name, category)
		},
	}, nil
}

func (b *bareChain) change(ctx context.Context, name, category string) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	value, err := productRow{id: id, version: 1, name: name, category: category, updatedAt: now}.message(now)
	if err != nil {
		return err
	}
	if _, err := b.source.Exec(ctx, bareInsert, id, name, category, now, id.String(), value); err != nil {
		return err
	}
	b.handed <- broker.Record{
		Key: []byte(id.String()), Value: value, Time: now,
		Headers: []broker.Header{{Key: event.HeaderContentType, Value: []byte(event.ContentType)}},
	}
	return nil
}

// publish sends the changes that were handed over since the last request, one request at a time.
func (b *bareChain) publish(ctx context.Context) error {
	id, err := b.client.NewProducerID(ctx)
	if err != nil {
		return err
	}
	var sequences [event.Partitions]int32
	for {
		var records [event.Partitions][]broker.Record
		add := func(r broker.Record) {
			p := event.Partition(r.Key, event.Partitions)
			records[p] = append(records[p], r)
		}
		select {
		case r := <-b.handed:
			add(r)
		case <-ctx.Done():
			return nil
		}
		for range len(b.handed) {
			add(<-b.handed)
		}
		var batches []*broker.Batch
		for p, list := range records {
			if len(list) == 0 {
				continue
			}
			tp := broker.TopicPartition{Topic: b.topic, Partition: p}
			batch, err := broker.EncodeBatch(tp, broker.ProducerSession{ID: id}, sequences[p], list)
			if err != nil {
				return err
			}
			sequences[p] = batch.NextSequence
			batches = append(batches, batch)
		}
		if err := produceAll(ctx, b.client, batches); err != nil {
			return err
		}
	}
}

// Position implements broker.PartitionHandler: positions are not stored.
func (b *bareChain) Position(_ context.Context, _ broker.TopicPartition, log broker.LogStart) (broker.Position, error) {
	return log.Position(), nil
}

// Handle implements broker.PartitionHandler with a single statement.
func (b *bareChain) Handle(ctx context.Context, _ broker.TopicPartition, _ int64, _ broker.Position, records []broker.Fetched) error {
	if len(records) == 0 {
		return nil
	}
	rows := make([]productRow, 0, len(records))
	for _, r := range records {
		var e struct {
			Version int64 `json:"aggregateversion"`
			Data    struct {
				ID           uuid.UUID `json:"product_uuid"`
				Name         string    `json:"name"`
				Category     string    `json:"product_category"`
				Discontinued bool      `json:"discontinued"`
				UpdatedAt    time.Time `json:"updated_at"`
			} `json:"data"`
		}
		if err := strictjson.Unmarshal(r.Value, &e); err != nil {
			return err
		}
		rows = append(rows, productRow{
			id: e.Data.ID, version: e.Version, name: e.Data.Name, category: e.Data.Category,
			discontinued: e.Data.Discontinued, updatedAt: e.Data.UpdatedAt,
		})
	}
	_, err := b.target.Exec(ctx, upsert, arrays(newestRows(rows))...)
	return err
}
