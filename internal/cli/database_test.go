package cli

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/telemetry"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

const hatTopic = "test.hat.v1"

// hatter is a service with a database, which has consumed hats.
func hatter(t *testing.T) (App[settings], *postgres.Pool) {
	t.Helper()
	pool := pgtest.New(t, postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"})
	app := bare()
	app.Load = func(config.Needs) (settings, error) {
		return settings{Common: config.Common{
			Database: postgres.Settings{URL: pgtest.URL(pool)}, Log: telemetry.Settings{Level: slog.LevelError},
		}}, nil
	}
	app.OpenOperations = func(_ context.Context, _ settings, log *slog.Logger) (Operations, error) {
		c := consumer.New(pool, consumer.Config[pgx.Tx]{
			Group:  "shop",
			Topics: map[string]consumer.Handler[pgx.Tx]{hatTopic: func(context.Context, pgx.Tx, []consumer.Event) error { return nil }},
			Bind:   func(tx pgx.Tx) pgx.Tx { return tx },
		}, log)
		return Operations{Pool: pool, Replay: c.Replay, Discard: c.Discard, Models: []repair.Model{twoHats}, Close: func() {}}, nil
	}
	return app, pool
}

// twoHats are two hats that never change.
var twoHats = repair.Model{
	Topic: hatTopic,
	Count: func(context.Context, pgx.Tx) (int, error) { return 2, nil },
	Page: func(_ context.Context, _ pgx.Tx, after string, _ int) ([]event.Message, error) {
		if after != "" {
			return nil, nil
		}
		hat := event.Message{ID: uuid.New(), Topic: hatTopic, Key: "bowler", Version: 7, Type: "test.hat.updated.v1", Payload: []byte("{}")}
		other := hat
		other.ID, other.Key = uuid.New(), "fez"
		return []event.Message{hat, other}, nil
	},
}

func TestRepublish(t *testing.T) {
	t.Parallel()
	app, pool := hatter(t)
	var results []repair.Republished
	r := call(t.Context(), app, nil, "outbox", "republish", "--dry-run", "--json")
	if err := json.Unmarshal([]byte(r.out), &results); err != nil || len(results) != 1 || results[0].Appended != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, tt := range []struct {
		line string
		code int
		want string
	}{
		{"--dry-run", 0, hatTopic + ": 2 aggregates, 2 events to append, 0 are pending already\n"},
		{"--reason=x --topic=none", 2, "--topic none: it must be " + hatTopic},
		{"--reason=lost --topic=" + hatTopic, 0, hatTopic + ": 2 aggregates, 2 events appended, 0 are pending already\n"},
		{"--reason=again --rate=0", 0, hatTopic + ": 2 aggregates, 0 events appended, 2 are pending already\n"},
	} {
		r := call(t.Context(), app, nil, append([]string{"outbox", "republish"}, strings.Fields(tt.line)...)...)
		if r.code != tt.code || !strings.Contains(r.out+r.err, tt.want) {
			t.Errorf("%s: %+v", tt.line, r)
		}
	}
	var reasons string
	if err := pool.QueryRow(t.Context(), `SELECT string_agg(reason, ' ' ORDER BY id) FROM operator_action`).Scan(&reasons); err != nil || reasons != "lost again" {
		t.Errorf("recorded %q, %v", reasons, err)
	}
}

func execSQL(t *testing.T, pool *postgres.Pool, statement string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// letter stores a message as a dead letter.
func letter(t *testing.T, pool *postgres.Pool, offset int, key string, value []byte) {
	t.Helper()
	execSQL(t, pool, `INSERT INTO dead_letter (topic, part, "offset", key, value, version, code, reason)
		VALUES ($1, 0, $2, $3, $4, 1, 'conflict', 'the king has it')`, hatTopic, offset, []byte(key), value)
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	app, pool := hatter(t)
	good, err := json.Marshal(event.Event{ID: uuid.NewString(), Source: "/shop", Type: "test.hat.created.v1", Subject: "fez", Version: 1,
		Time: time.Now(), Data: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	if r := call(t.Context(), app, nil, "dead-letters", "list"); r.code != 0 || r.out != "there are none\n" {
		t.Errorf("%+v", r)
	}
	letter(t, pool, 0, "fez", good)
	letter(t, pool, 1, "bowler", []byte("no event"))
	letter(t, pool, 2, "crown", nil)
	for _, tt := range []struct { // in this order
		line string
		code int
		want string
	}{
		{"show 2", 0, "no event"},
		{"show 9", 1, "there is no dead letter 9"},
		{"replay 9", 1, "there is no dead letter 9"},
		{"discard 9", 1, "there is no dead letter 9"},
		{"replay 1 --by=me", 0, "dead letter 1: replayed\n"},
		{"replay 2", 1, "it failed again"},
		{"discard 2 --by=me --reason=rubbish", 0, "dead letter 2: discarded (rubbish)\n"},
		{"discard 2", 1, "already discarded"},
		{"list", 0, "3   open"},
		{"list --state=replayed", 0, "1   replayed"},
		{"list --state=superseded", 0, "there are none"},
		{"list --topic=other", 0, "there are none"},
	} {
		r := call(t.Context(), app, nil, append([]string{"dead-letters"}, strings.Fields(tt.line)...)...)
		if r.code != tt.code || !strings.Contains(r.out+r.err, tt.want) || (r.code == 0) != (r.err == "") {
			t.Errorf("%s: %+v, want code %d and %q", tt.line, r, tt.code, tt.want)
		}
	}
	for _, want := range []string{`"state": "replayed"`, `"state": "open"`, "rubbish"} {
		if r := call(t.Context(), app, nil, "audit", "list"); r.code != 0 || strings.Count(r.out, "\n") != 4 || !strings.Contains(r.out, want) {
			t.Errorf("%+v does not have %q", r, want)
		}
	}
	var actions []audit.Action
	if r := call(t.Context(), app, nil, "audit", "list", "--json", "--limit=1"); json.Unmarshal([]byte(r.out), &actions) != nil ||
		len(actions) != 1 || actions[0].By != "me" || actions[0].Reason != "rubbish" || actions[0].Command != "dead-letters discard" {
		t.Errorf("%+v", r)
	}
	var letters []consumer.DeadLetter
	r := call(t.Context(), app, nil, "dead-letters", "list", "--state=all", "--json")
	if err := json.Unmarshal([]byte(r.out), &letters); err != nil || len(letters) != 3 || *letters[0].ClosedBy != "me" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCopyConflicts(t *testing.T) {
	t.Parallel()
	app, pool := hatter(t)
	if r := call(t.Context(), app, nil, "copy", "conflicts"); r.code != 0 || r.out != "there are none\n" {
		t.Errorf("%+v", r)
	}
	execSQL(t, pool, `INSERT INTO copy_conflict (topic, part, key, version, seen_at) VALUES ($1, 0, 'fez', 7, '2026-03-01 12:00:00Z'),
		($1, 0, E'a\nb', 1, now())`, hatTopic)
	r := call(t.Context(), app, nil, "copy", "conflicts")
	if r.code != 0 || strings.Count(r.out, "\n") != 3 || !strings.Contains(r.out, hatTopic+"  fez   7        2026-03-01T12:00:00Z\n") {
		t.Errorf("%+v", r)
	}
	r = call(t.Context(), app, nil, "copy", "conflicts", "--topic="+hatTopic, "--after=b", "--json")
	var list []consumer.Conflict
	if err := json.Unmarshal([]byte(r.out), &list); err != nil || len(list) != 1 || list[0].Key != "fez" || list[0].Version != 7 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestOutbox(t *testing.T) {
	t.Parallel()
	app, pool := hatter(t)
	if r := call(t.Context(), app, nil, "outbox", "list"); r.code != 0 || r.out != "there are none\n" {
		t.Errorf("%+v", r)
	}
	execSQL(t, pool, `WITH e AS (INSERT INTO outbox_event (shard, event_id, topic, key, version, prev, type, payload)
			SELECT 3, gen_random_uuid(), $1, k, 1, 0, 'test.hat.created.v1', '{}' FROM unnest(ARRAY['fez', 'bowler']) k RETURNING *)
		INSERT INTO outbox_pending (shard, seq, topic, key, version) SELECT shard, seq, topic, key, version FROM e WHERE key = 'fez'`, hatTopic)
	execSQL(t, pool, `INSERT INTO outbox_blocked (topic, key, attempts, retry_at, last_error) VALUES ($1, 'fez', 4, now(), 'too large')`, hatTopic)

	execSQL(t, pool, `INSERT INTO outbox_lease (topic, shard) SELECT $1, shard FROM outbox_shard`, hatTopic)

	var status outbox.Status
	r := call(t.Context(), app, nil, "outbox", "status", "--json")
	if err := json.Unmarshal([]byte(r.out), &status); err != nil || status.Pending != 1 || status.Appended != 2 ||
		status.BlockedCount != 1 || status.Blocked[0].Key != "fez" || len(status.Shards) != event.Partitions {
		t.Errorf("%+v, %v", r, err)
	}
	r = call(t.Context(), app, nil, "outbox", "status")
	for _, want := range []string{"pending   1\n", "too large", "(free)"} {
		if r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("%+v does not show %q", r, want)
		}
	}

	var events []outbox.ListedEvent
	r = call(t.Context(), app, nil, "outbox", "list", "--json", "--limit=2")
	if err := json.Unmarshal([]byte(r.out), &events); err != nil || len(events) != 2 || events[0].Key != "bowler" || !events[0].Sent || events[1].Sent {
		t.Errorf("%+v, %v", r, err)
	}
	for line, want := range map[string]string{"": "bowler fez", "--pending": "fez", "--key=bowler": "bowler", "--topic=none": "", "--before=2": "fez"} {
		r := call(t.Context(), app, nil, append([]string{"outbox", "list"}, strings.Fields(line)...)...)
		var keys []string
		for _, row := range strings.Split(strings.TrimSpace(r.out), "\n")[1:] {
			keys = append(keys, strings.Fields(row)[3])
		}
		if r.code != 0 || strings.Join(keys, " ") != want {
			t.Errorf("list %s: %+v, want %q", line, r, want)
		}
	}
}
