package adminmessages_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/adminmessages"
	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/admintest"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// evil is a text that must never become a part of a page.
const evil = `<script>alert("x")</script>`

// bundle is the pages of a service on a real database. It publishes the topic "own", and reads the topic "other".
type bundle struct {
	*admintest.Site
	pool       *pgxpool.Pool
	kafka      *kafkatest.Broker
	own, other string
	repaired   atomic.Bool // events can be applied
	parts      []httpserver.CheckResult
	needs      []adminmessages.Need
	slow       chan struct{}                  // if it is not nil, each replay waits for a value
	consumes   atomic.Pointer[consumer.State] // what the consumer says about itself; nil for the truth
}

// setup serves the pages. Each of before changes the bundle before they run.
func setup(t *testing.T, before ...func(*bundle)) *bundle {
	t.Helper()
	b := &bundle{kafka: kafkatest.New(t)}
	for _, change := range before {
		change(b)
	}
	b.pool = pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}, admintest.Migrations)
	b.own = b.kafka.CreateTopic(t, "own", event.Partitions)
	b.other = b.kafka.CreateTopic(t, "other", 2)
	events := consumer.New(b.pool, consumer.Config[pgx.Tx]{
		Group: b.kafka.Topic("service"), Bind: func(tx pgx.Tx) pgx.Tx { return tx },
		Topics: map[string]consumer.Handler[pgx.Tx]{b.other: b.apply}, Committed: func(pgx.Tx) {},
	}, slog.New(slog.DiscardHandler))
	pages := adminmessages.New(adminmessages.Config{
		Repair: repair.Service{Pool: b.pool, Kafka: b.kafka.Client(t), Publishes: []string{b.own}, Consumes: []string{b.other}},
		Models: []repair.Model{thingModel(b.own)}, Program: "things",
		Replay: events.Replay, Discard: events.Discard, Skip: events.Skip, State: func() consumer.State {
			if state := b.consumes.Load(); state != nil {
				return *state
			}
			return events.State()
		}, Log: slog.New(slog.DiscardHandler),
		Check: func(context.Context) ([]httpserver.CheckResult, error) { return b.parts, nil },
		Needs: func(context.Context) ([]adminmessages.Need, error) { return b.needs, nil },
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 2)
	go func() { ended <- pages.Run(ctx) }()
	go func() { ended <- pages.Watch(ctx) }()
	t.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	b.Site = admintest.ServeConfig(t, b.pool, adminui.Config{Sections: []adminui.Section{pages.Section()}, Overview: pages.Overview()})
	return b
}

func (b *bundle) apply(ctx context.Context, _ pgx.Tx, _ []consumer.Event) error {
	if b.slow != nil {
		select {
		case <-b.slow:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if b.repaired.Load() {
		return nil
	}
	return consumer.Poison("no such size " + evil)
}

// letter stores an open dead letter, and returns its id.
func (b *bundle) letter(offset int64, key, code string) (id int64) {
	b.Helper()
	value, err := json.Marshal(event.Event{
		ID: uuid.NewString(), Source: "/other", Type: "other.changed.v1", Subject: key, Time: time.Now(), Version: 1,
		Data: []byte(`{"name":"` + "<b>bold</b>" + `"}`),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.row(&id, `INSERT INTO dead_letter (topic, part, "offset", key, value, headers, version, code, reason)
		VALUES ($1, 0, $2, $3, $4, '[{"key":"trace","value":"PGk+"}]', 1, $5, $6) RETURNING id`,
		b.other, offset, []byte(key), value, code, "no such size "+evil)
	return id
}

// append commits an event.
func (b *bundle) append(key string, version int64) {
	b.Helper()
	err := pgx.BeginFunc(b.Context(), b.pool, func(tx pgx.Tx) error {
		return outbox.Append(b.Context(), tx, event.Message{
			ID: uuid.Must(uuid.NewV7()), Topic: b.own, Key: key, Version: version, Type: "own.changed.v1", Payload: []byte(`{}`),
		})
	})
	if err != nil {
		b.Fatal(err)
	}
}

// refuse makes the oldest event of a key one that Kafka refuses.
func (b *bundle) refuse(key string) {
	b.Helper()
	b.exec(`INSERT INTO outbox_blocked VALUES ($1, $2, 3, now() + interval '1 hour', $3)`, b.own, key, "too large "+evil)
}

// read stores positions as if the consumer had read.
func (b *bundle) read() {
	b.Helper()
	b.exec(`INSERT INTO consumer_position (topic, part, next_offset) VALUES ($1, 0, 0), ($1, 1, 0)`, b.other)
	b.kafka.Write(b, broker.TopicPartition{Topic: b.other, Partition: 1}, broker.Record{Key: []byte("k"), Value: []byte("{}"), Time: time.Now()})
}

func (b *bundle) exec(sql string, args ...any) {
	b.Helper()
	if _, err := b.pool.Exec(b.Context(), sql, args...); err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) row(to any, sql string, args ...any) {
	b.Helper()
	if err := b.pool.QueryRow(b.Context(), sql, args...).Scan(to); err != nil {
		b.Fatal(err)
	}
}

func (b *bundle) count(sql string) (n int) {
	b.Helper()
	b.row(&n, `SELECT count(*) FROM `+sql)
	return n
}

// audited returns who did what and why, the newest first.
func (b *bundle) audited() (list []string) {
	b.Helper()
	actions, err := audit.List(b.Context(), b.pool, audit.Filter{Limit: 100})
	if err != nil {
		b.Fatal(err)
	}
	for _, a := range actions {
		if a.Command != "admin user create" {
			list = append(list, a.By+": "+a.Command+": "+a.Reason)
		}
	}
	return list
}
