package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// The load of consumerApply: as many products as in a catalog, each changed a few times, in batches as the broker returns
// them.
const (
	applyTopic    = "bench.product.v1"
	applyKeys     = 20_000
	applyVersions = 5
	applyBatch    = 1_000
	applyAtATime  = 8 // concurrent transactions
	// The table of copies as in the catalog, with its index.
	applySchema = `CREATE TABLE product_copy (id uuid PRIMARY KEY, version bigint NOT NULL DEFAULT 0,
    deleted boolean NOT NULL DEFAULT false, name text COLLATE "C", product_category text COLLATE "C", discontinued boolean,
    updated_at timestamptz, applied_at timestamptz);
CREATE INDEX product_copy_name ON product_copy (name, id) WHERE NOT deleted AND version > 0;`
	upsert = `INSERT INTO product_copy (id, version, name, product_category, discontinued, updated_at, applied_at)
SELECT *, now() FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::boolean[], $6::timestamptz[])
ON CONFLICT (id) DO UPDATE SET version = excluded.version, name = excluded.name,
    product_category = excluded.product_category, discontinued = excluded.discontinued,
    updated_at = excluded.updated_at, applied_at = excluded.applied_at`
	guard = ` WHERE product_copy.version < excluded.version`
)

// consumerApply measures Handle, from raw records to the commit. The bound is the bare upsert of the same rows: they are
// decoded before the clock starts, the batches are the same, each batch is one statement and one commit, and as many
// transactions run at the same time.
func consumerApply(ctx context.Context, e *env) ([]row, error) {
	pool, err := e.database(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, applySchema); err != nil {
		return nil, err
	}
	load, err := newApplyLoad()
	if err != nil {
		return nil, err
	}
	var applied, bound []float64
	for round := range e.rounds {
		turn := []func(context.Context, *pgxpool.Pool, *applyLoad) (float64, error){timeBareUpsert, timeHandle}
		into := []*[]float64{&bound, &applied}
		if round%2 == 1 { // the second of a pair finds warm caches, so they take turns
			slices.Reverse(turn)
			slices.Reverse(into)
		}
		for i, measure := range turn {
			if _, err := pool.Exec(ctx, `TRUNCATE product_copy, consumer_position, dead_letter`); err != nil {
				return nil, err
			}
			if _, err := pool.Exec(ctx, `CHECKPOINT`); err != nil {
				return nil, err
			}
			rate, err := measure(ctx, pool, load)
			if err != nil {
				return nil, err
			}
			*into[i] = append(*into[i], rate)
		}
	}
	a, b := median(applied), median(bound)
	return []row{{
		name: "consumer apply beside a bare batch upsert", value: a, unit: "events/s", bound: b, ratio: a / b,
		note: "aims: 10,000 and 0.5",
	}}, nil
}

// applyLoad has the same events in two forms: as read from Kafka, and as rows.
type applyLoad struct {
	records [event.Partitions][]broker.Fetched
	rows    [event.Partitions][]productRow
}

type productRow struct {
	id             uuid.UUID
	version        int64
	name, category string
	discontinued   bool
	updatedAt      time.Time
}

func newApplyLoad() (*applyLoad, error) {
	load := new(applyLoad)
	ids := make([]uuid.UUID, applyKeys)
	for i := range ids {
		ids[i] = uuid.New()
	}
	began := time.Now().UTC().Truncate(time.Microsecond)
	for version := int64(1); version <= applyVersions; version++ {
		for i, id := range ids {
			r := productRow{
				id: id, version: version, name: fmt.Sprintf("Product %d, in its version %d", i, version),
				category: fmt.Sprintf("category %d", i%10), discontinued: version == applyVersions && i%10 == 0,
				updatedAt: began.Add(time.Duration(version) * time.Second),
			}
			value, err := r.message(began)
			if err != nil {
				return nil, err
			}
			p := event.Partition([]byte(id.String()), event.Partitions)
			load.rows[p] = append(load.rows[p], r)
			load.records[p] = append(load.records[p], broker.Fetched{
				Record: broker.Record{Key: []byte(id.String()), Value: value}, Offset: int64(len(load.records[p])),
			})
		}
	}
	return load, nil
}

// message returns the row's event of about 600 bytes.
func (r productRow) message(created time.Time) ([]byte, error) {
	data, err := json.Marshal(map[string]any{
		"product_uuid": r.id, "name": r.name, "product_category": r.category, "discontinued": r.discontinued,
		"version": r.version, "created_at": created, "updated_at": r.updatedAt,
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(event.Event{
		ID: uuid.NewString(), Source: "/monolith", Type: "monsplit.product.updated.v1", Subject: r.id.String(),
		DataSchema: "https://monsplit.github.io/schemas/product/v1", Time: r.updatedAt, Version: r.version, Data: data,
	})
}

// each runs f for every batch. Each partition has one worker, which takes its batches in order.
func (l *applyLoad) each(ctx context.Context, f func(ctx context.Context, p, from, next int) error) (float64, error) {
	started := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for p := range l.rows {
		g.Go(func() error {
			for from := 0; from < len(l.rows[p]); from += applyBatch {
				if err := f(ctx, p, from, min(from+applyBatch, len(l.rows[p]))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := g.Wait()
	return applyKeys * applyVersions / time.Since(started).Seconds(), err
}

func timeBareUpsert(ctx context.Context, pool *pgxpool.Pool, load *applyLoad) (float64, error) {
	slots := make(chan struct{}, applyAtATime)
	return load.each(ctx, func(ctx context.Context, p, from, next int) error {
		slots <- struct{}{}
		defer func() { <-slots }()
		_, err := pool.Exec(ctx, upsert, arrays(newestRows(load.rows[p][from:next]))...)
		return err
	})
}

func timeHandle(ctx context.Context, pool *pgxpool.Pool, load *applyLoad) (float64, error) {
	c := consumer.New(pool, consumer.Config[pgx.Tx]{
		Group: "bench", Transactions: applyAtATime,
		Topics: map[string]consumer.Handler[pgx.Tx]{applyTopic: applyProducts},
		Bind:   func(tx pgx.Tx) pgx.Tx { return tx },
	}, slog.New(slog.DiscardHandler))
	for p := range load.rows {
		if _, err := c.Position(ctx, broker.TopicPartition{Topic: applyTopic, Partition: p}, broker.LogStart{}); err != nil {
			return 0, err
		}
	}
	return load.each(ctx, func(ctx context.Context, p, from, next int) error {
		tp := broker.TopicPartition{Topic: applyTopic, Partition: p}
		return c.Handle(ctx, tp, int64(from), broker.At(int64(next)), load.records[p][from:next])
	})
}

// applyProducts does the minimum of a correct handler: it decodes, keeps the newest row of each key, and compares versions.
func applyProducts(ctx context.Context, tx pgx.Tx, events []consumer.Event) error {
	rows := make([]productRow, 0, len(events))
	for _, e := range events {
		data, err := consumer.Data[struct {
			ID           uuid.UUID `json:"product_uuid"`
			Name         string    `json:"name"`
			Category     string    `json:"product_category"`
			Discontinued bool      `json:"discontinued"`
			UpdatedAt    time.Time `json:"updated_at"`
		}](e)
		if err != nil {
			return err
		}
		rows = append(rows, productRow{
			id: data.ID, version: e.Version, name: data.Name, category: data.Category, discontinued: data.Discontinued,
			updatedAt: data.UpdatedAt,
		})
	}
	_, err := tx.Exec(ctx, upsert+guard, arrays(newestRows(rows))...)
	return err
}

// newestRows returns the highest version of each id, sorted by id, so that all transactions lock rows in the same order.
func newestRows(rows []productRow) []productRow {
	newest := slices.Clone(rows)
	slices.SortFunc(newest, func(a, b productRow) int {
		if c := strings.Compare(string(a.id[:]), string(b.id[:])); c != 0 {
			return c
		}
		return int(b.version - a.version)
	})
	return slices.CompactFunc(newest, func(a, b productRow) bool { return a.id == b.id })
}

func arrays(rows []productRow) []any {
	n := len(rows)
	ids, versions, names := make([]uuid.UUID, n), make([]int64, n), make([]string, n)
	categories, discontinued, updated := make([]string, n), make([]bool, n), make([]time.Time, n)
	for i, r := range rows {
		ids[i], versions[i], names[i], categories[i] = r.id, r.version, r.name, r.category
		discontinued[i], updated[i] = r.discontinued, r.updatedAt
	}
	return []any{ids, versions, names, categories, discontinued, updated}
}
