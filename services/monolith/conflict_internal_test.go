package monolith

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	"github.com/monsplit/monsplit/services/monolith/internal/consume"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
	monolithsql "github.com/monsplit/monsplit/sql/monolith"
)

const copiedEntry = "0198c0de-9d55-7e31-8b60-2c7a4f5e1d08"

var (
	messagingSchema = postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}
	monolithSchema  = postgres.Migrations{FS: monolithsql.Migrations, Table: "goose_service"}
)

// reader is the consumer of the monolith, on a database of its own.
type reader struct {
	*testing.T
	pool   *pgxpool.Pool
	events *consumer.Consumer[eventTx]
}

func newReader(t *testing.T, pool *pgxpool.Pool) *reader {
	t.Helper()
	return &reader{t, pool, newConsumer(pool, Config{}, slog.New(slog.DiscardHandler), func(eventTx) {})}
}

func (r *reader) deliver(topic, typ, key string, version int64, data string) {
	r.Helper()
	tp := broker.TopicPartition{Topic: topic, Partition: 3}
	at, err := r.events.Position(r.Context(), tp, broker.LogStart{})
	if err != nil {
		r.Fatal(err)
	}
	value, err := json.Marshal(event.Event{ID: newID().String(), Source: "/catalog", Type: typ, Subject: key, Version: version,
		Time: time.Now(), Data: json.RawMessage(data)})
	if err != nil {
		r.Fatal(err)
	}
	record := broker.Fetched{Offset: at.Offset, Record: broker.Record{Key: []byte(key), Value: value}}
	if err := r.events.Handle(r.Context(), tp, at.Offset, broker.At(at.Offset+1), []broker.Fetched{record}); err != nil {
		r.Fatal(err)
	}
}

func (r *reader) market(version int64, name string) {
	r.Helper()
	r.deliver(consume.TopicMarket, "monsplit.market.updated.v1", "NL", version, `{"name":"`+name+`","updated_at":"2026-03-01T09:30:00Z"}`)
}

func (r *reader) entry(version int64, end string) {
	r.Helper()
	r.deliver(consume.TopicCatalogEntry, "monsplit.catalog-entry.updated.v1", copiedEntry, version,
		`{"product":"0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35","market":"NL","availability_date":"2026-03-01","availability_end_date":`+end+
			`,"updated_at":"2026-03-01T09:30:00Z"}`)
}

// wantConflicts checks the stored conflicts, as in "NL 2".
func (r *reader) wantConflicts(what, want string) {
	r.Helper()
	var got string
	err := r.pool.QueryRow(r.Context(), `SELECT coalesce(string_agg(key || ' ' || version, ', ' ORDER BY topic), '') FROM copy_conflict`).Scan(&got)
	if err != nil || got != want {
		r.Errorf("%s: conflicts %q, %v; want %q", what, got, err, want)
	}
	if n := strings.Count(strings.Join(r.events.State().Problems(), ""), ": copy_conflict: "); n != len(strings.Fields(want))/2 {
		r.Errorf("%s: the problems are %q", what, r.events.State().Problems())
	}
}

// H24 parted histories: a catalog whose database lost commits gives out versions again, with other data. The copies keep what
// they have, but not silently.
func TestAVersionWithOtherDataIsNoticed(t *testing.T) {
	t.Parallel()
	r := newReader(t, pgtest.New(t, messagingSchema, monolithSchema))
	r.entry(7, "null") // its market is a stub
	for range 2 {
		r.market(2, "Netherlands")
		r.entry(7, "null")
	}
	r.wantConflicts("repeated", "")
	r.market(2, "Nederland")
	r.entry(7, `"2026-04-01"`)
	r.wantConflicts("other data", copiedEntry+" 7, NL 2")
	r.market(3, "Nederland")
	r.deliver(consume.TopicCatalogEntry, "monsplit.catalog-entry.deleted.v1", copiedEntry, 8, `{}`)
	r.wantConflicts("higher versions", "")
	r.entry(8, "null")
	r.wantConflicts("a deleted entry that is not deleted", copiedEntry+" 8")
	r.deliver(consume.TopicMarket, "monsplit.market.deleted.v1", "NL", 3, `{}`)
	r.wantConflicts("a market that is deleted", copiedEntry+" 8, NL 3")
}

// Rows of an earlier release have no digest, and raise nothing.
func TestRowsOfAnEarlierReleaseRaiseNoAlarm(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, pgtest.Earlier(t, messagingSchema, 8), pgtest.Earlier(t, monolithSchema, 3))
	_, err := pool.Exec(t.Context(), `
		INSERT INTO market_copy (iso_code, version, name, updated_at) VALUES ('NL', 2, 'Netherlands', '2026-03-01 09:30:00Z');
		INSERT INTO catalog_entry_copy (id, version, product_uuid, market, availability_date, updated_at)
		VALUES ('`+copiedEntry+`', 7, '0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35', 'NL', '2026-03-01', '2026-03-01 09:30:00Z')`)
	if err != nil {
		t.Fatal(err)
	}
	if err := postgres.Migrate(t.Context(), pgtest.URL(pool), slog.New(slog.DiscardHandler), messagingSchema, monolithSchema); err != nil {
		t.Fatal(err)
	}
	r := newReader(t, pool)
	r.market(2, "Nederland")
	r.entry(7, `"2026-04-01"`)
	r.wantConflicts("rows without a digest", "")
	r.market(3, "Netherlands")
	r.entry(8, "null")
	r.market(3, "Nederland")
	r.entry(8, `"2026-04-01"`)
	r.wantConflicts("rows of this release", copiedEntry+" 8, NL 3")
}
