package consumer_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
	messagingsql "github.com/monsplit/monsplit/sql/messaging"
)

// released is a database of the release before 00006_log_identity.sql, whose topic has another name now.
func released(t *testing.T, topicName string) *pgxpool.Pool {
	t.Helper()
	dump, err := os.ReadFile("testdata/release.sql")
	if err != nil {
		t.Fatal(err)
	}
	url := pgtest.NewURL(t)
	connection, err := pgx.Connect(t.Context(), url) // of its own: the dump changes the session's search_path
	if err != nil {
		t.Fatal(err)
	}
	_, err = connection.Exec(t.Context(), strings.ReplaceAll(string(dump), topic, topicName))
	if err != nil {
		t.Fatal(err)
	}
	if err := connection.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	return pgtest.Open(t, url)
}

// releasedTopic writes the records of the release to a topic, and returns its name.
func releasedTopic(t *testing.T, kafka *kafkatest.Broker) string {
	t.Helper()
	name := kafka.CreateTopic(t, "thing", event.Partitions)
	lines, err := os.ReadFile("testdata/release.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(lines) {
		var r struct {
			Partition int             `json:"partition"`
			Offset    int64           `json:"offset"`
			Key       string          `json:"key"`
			Value     json.RawMessage `json:"value"`
			Headers   []broker.Header `json:"headers"`
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		tp := broker.TopicPartition{Topic: name, Partition: r.Partition}
		kafka.Write(t, tp, broker.Record{Key: []byte(r.Key), Value: r.Value, Headers: r.Headers})
		if log := kafka.Log(t, tp); log[len(log)-1].Offset != r.Offset {
			t.Fatalf("the record has the offset %d, want %d", log[len(log)-1].Offset, r.Offset)
		}
	}
	return name
}

// The consumer goes on where the earlier release has stopped. It trusts the topic that it finds, and says so.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := releasedTopic(t, kafka)
	pool := released(t, name)
	const positions = `SELECT string_agg(part || ':' || next_offset, ' ' ORDER BY part) FROM consumer_position`
	before := on(t, pool)
	was := query[string](before, positions)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	messaging := postgres.Migrations{FS: messagingsql.Migrations, Table: "goose_messaging"}
	if err := postgres.Migrate(t.Context(), pgtest.URL(pool), quiet, messaging); err != nil {
		t.Fatal(err)
	}
	if got := query[string](before, positions); got != was || !strings.Contains(got, "3:4") {
		t.Errorf("the positions are %q, and were %q", got, was)
	}
	letters, err := consumer.ListDeadLetters(t.Context(), pool, consumer.DeadLetterFilter{State: consumer.Open})
	if err != nil || len(letters) != 1 || letters[0].Key != "f" || letters[0].TopicID != "" || letters[0].Offset != 1 {
		t.Fatalf("letters %+v, error %v", letters, err)
	}

	out := &logLines{}
	b := on(t, pool, read(kafka, name))
	b.Consumer = consumer.New(pool, b.config, slog.New(slog.NewTextHandler(out, nil)))
	b.start(kafka)
	kafkatest.Eventually(t, "the rest is applied", func() bool { return b.caughtUp(kafka, name, event.Partitions) })
	if got := query[string](b, `SELECT string_agg(id || version, ' ' ORDER BY id) FROM thing_copy`); got != "a4 b2 c4 d2 e2 f1 g2 h4" {
		t.Errorf("the copies are %q", got)
	}
	if n := query[int](b, `SELECT count(*) FROM (SELECT FROM thing_change GROUP BY id, version HAVING count(*) > 1) x`); n != 0 {
		t.Errorf("%d changes were made again", n)
	}
	kafkatest.Eventually(t, "each position is trusted", func() bool { return out.count("belongs to the present one") == event.Partitions })
	if n := query[int](b, `SELECT count(DISTINCT topic_id) FROM consumer_position WHERE topic_id <> '00000000-0000-0000-0000-000000000000'`); n != 1 {
		t.Errorf("%d topic ids are stored, want one", n)
	}
	if n := query[int](b, `SELECT count(*) FROM copy_conflict`); n != 0 {
		t.Errorf("%d conflicts", n)
	}
	if problems := b.State().Problems(); len(problems) != 0 {
		t.Errorf("problems %q", problems)
	}
	kept, err := consumer.ShowDeadLetter(t.Context(), pool, letters[0].ID)
	if err != nil || kept.State != consumer.Open || !strings.Contains(*kept.Value, `"fail":"poison"`) {
		t.Errorf("letter %+v, error %v", kept, err)
	}
}

// logLines is a log of a consumer.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(line))
	return len(line), nil
}

func (l *logLines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(l.lines), func(line string) bool { return !strings.Contains(line, what) }))
}
