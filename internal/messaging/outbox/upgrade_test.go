package outbox

import (
	"io/fs"
	"log/slog"
	"testing"
	"testing/fstest"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"

	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// TestLeasesOfAnEarlierVersion: an earlier version had one lease for a partition of all topics. One of its relays is paused
// while the database is migrated and a relay of this version takes over. The broker fences the paused one in every topic.
func TestLeasesOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	url := pgtest.NewURL(t, migrationsBefore(t, "00015"))
	b := &bundle{t: t, pool: pgtest.Open(t, url), kafka: kafka,
		products: kafka.CreateTopic(t, "product", event.Partitions), markets: kafka.CreateTopic(t, "market", event.Partitions)}
	id, err := kafka.Direct().NewProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.append(message(b.products, "a", 1), message(b.markets, "a", 1))
	tp := b.partition(b.products, "a")
	b.exec(b.pool, `UPDATE outbox_lease SET producer_id = $1, epoch = 7, owner = gen_random_uuid() WHERE shard = $2`, id, tp.Partition)
	for _, topic := range b.topics() {
		b.exec(b.pool, `INSERT INTO outbox_log VALUES ($1, $2, '00000000-0000-0000-0000-000000000000', 0)`, topic, tp.Partition)
	}
	zombie := func(topic, value string) broker.Result {
		batch, err := broker.EncodeBatch(broker.TopicPartition{Topic: topic, Partition: tp.Partition}, broker.ProducerSession{ID: id, Epoch: 7}, 0,
			[]broker.Record{{Key: []byte("a"), Value: []byte(value), Time: time.Now()}})
		if err != nil {
			t.Fatal(err)
		}
		return kafka.Direct().Produce(t.Context(), []*broker.Batch{batch})[0]
	}
	if err := postgres.Migrate(t.Context(), url, slog.New(slog.DiscardHandler), messagingMigrations()); err != nil {
		t.Fatal(err)
	}
	b.start("new")
	b.waitUntilSent()
	for _, topic := range b.topics() {
		b.wantLog(topic, "a", 1)
		wantFenced(t, []broker.Result{zombie(topic, "a/9")})
		b.wantLog(topic, "a", 1)
	}
	if n := b.number(`SELECT count(*) FROM outbox_lease WHERE shard = $1 AND producer_id = $2 AND epoch = 8`, tp.Partition, id); n != 2 {
		t.Errorf("%d topics have the producer id with the next epoch, want 2", n)
	}
}

// TestHaltsOfAnEarlierVersion: a shard that was halted stays halted in the topics that it was published to.
func TestHaltsOfAnEarlierVersion(t *testing.T) {
	t.Parallel()
	url := pgtest.NewURL(t, migrationsBefore(t, "00015"))
	b := &bundle{t: t, pool: pgtest.Open(t, url)}
	b.exec(b.pool, `INSERT INTO outbox_log SELECT topic, 3, gen_random_uuid(), 5 FROM unnest(ARRAY['a', 'b']) topic`)
	b.exec(b.pool, `INSERT INTO outbox_origin VALUES (3, 'cluster', 1, 1)`)
	b.exec(b.pool, `INSERT INTO outbox_halt VALUES (3, 'fenced_by_another', 'a reason', 7)`)
	if err := postgres.Migrate(t.Context(), url, slog.New(slog.DiscardHandler), messagingMigrations()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"outbox_halt WHERE code = 'fenced_by_another' AND producer_id = 7 AND shard = 3", "outbox_origin WHERE cluster_id = 'cluster' AND shard = 3"} {
		if n := b.number(`SELECT count(DISTINCT topic) FROM ` + table); n != 2 {
			t.Errorf("%d topics in %s, want 2", n, table)
		}
	}
}

// migrationsBefore returns the migrations of the messaging tables below a number.
func migrationsBefore(t *testing.T, number string) postgres.Migrations {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(messagingsql.Migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name >= "migrations/"+number {
			continue
		}
		text, err := fs.ReadFile(messagingsql.Migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	return postgres.Migrations{FS: files, Table: messagingMigrations().Table}
}
