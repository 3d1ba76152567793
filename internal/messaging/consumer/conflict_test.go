package consumer_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// comparing has a handler that compares an event with a copy of the same version. It does not know the type of an event with
// the name "unknown". The first transaction with an event of the name "again" has to run again.
func comparing(c *consumer.Config[*tx]) {
	ran := false
	for topic := range c.Topics {
		c.Topics[topic] = func(ctx context.Context, t *tx, events []consumer.Event) error {
			for _, e := range events {
				if err := compare(ctx, t, e, &ran); err != nil {
					return err
				}
			}
			return nil
		}
	}
}

func compare(ctx context.Context, t *tx, e consumer.Event, ran *bool) error {
	if e.Purge {
		return applyThings(ctx, t, []consumer.Event{e})
	}
	data, err := consumer.Data[thing](e)
	switch {
	case err != nil:
		return err
	case data.Name == "unknown":
		e.UnknownType()
		return nil
	}
	var name string
	err = t.QueryRow(ctx, `SELECT name FROM thing_copy WHERE id = $1 AND version = $2 AND name IS NOT NULL`, e.Key, e.Version).Scan(&name)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if err == nil {
		e.SameVersion(name == data.Name)
	}
	if data.Name == "again" && !*ran {
		*ran = true
		e.SameVersion(false)
		return fail(ctx, t, "40001")
	}
	return applyThings(ctx, t, []consumer.Event{e})
}

// other is an event of a thing with other data than named.
func other(key string, version int64) broker.Record {
	return message(key, version, thing{Name: "other"})
}

// wantConflicts checks the stored conflicts, as in "a5 b1", and that the state and the metric agree.
func (b *bundle) wantConflicts(want string) {
	b.t.Helper()
	got := query[string](b, `SELECT coalesce(string_agg(key || version, ' ' ORDER BY key), '') FROM copy_conflict`)
	if got != want {
		b.t.Errorf("conflicts are %q, want %q", got, want)
	}
	n := int64(len(strings.Fields(want)))
	s := b.State()
	if len(s.Partitions) != 1 || s.Partitions[0].Conflicts != n || strings.Contains(strings.Join(s.Problems(), ""), "copy_conflict") != (n > 0) {
		b.t.Errorf("state %+v, problems %q; want %d conflicts", s.Partitions, s.Problems(), n)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(b)
	families, err := registry.Gather()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "consumer_copy_conflicts_open" && f.GetMetric()[0].GetGauge().GetValue() == float64(n) {
			return
		}
	}
	b.t.Errorf("the metric is not %d", n)
}

// H24 parted histories: an owner whose database lost commits gives out versions again. A copy cannot know which data is
// right, but it must not be silent.
func TestAVersionWithOtherDataRaisesTheAlarm(t *testing.T) {
	t.Parallel()
	b := setup(t, comparing)
	out := &logLines{}
	b.Consumer = consumer.New(b.pool, b.config, slog.New(slog.NewTextHandler(out, nil)))
	b.seed(0)
	b.handle(0, named("a", 5), named("b", 1), named("a", 5), named("a", 4))
	b.wantConflicts("")
	b.handle(4, other("a", 5), named("b", 2), other("a", 5), other("a", 4))
	b.wantConflicts("a5")
	b.handle(8, other("a", 5), other("b", 2))
	b.wantConflicts("a5 b2")
	b.wantPosition(10)
	if got := query[string](b, `SELECT string_agg(name, ' ' ORDER BY id) FROM thing_copy`); got != "a v5 b v2" {
		t.Errorf("the copies have %q", got)
	}
	if n := out.count("level=ERROR"); n != 2 || out.count("key=a version=5 code=copy_conflict") != 1 {
		t.Errorf("%d lines of the log, want one for each aggregate:\n%s", n, out.lines)
	}
	if problem := b.State().Problems(); len(problem) != 1 || !strings.HasPrefix(problem[0], topic+": copy_conflict: copies that differ from the last event of their version: 2.") {
		t.Errorf("problems %q", problem)
	}
	list, err := consumer.Conflicts(t.Context(), b.pool, consumer.ConflictFilter{Topic: topic, After: "a"})
	if err != nil || len(list) != 1 || list[0].Key != "b" || list[0].Version != 2 || list[0].Partition != tp.Partition || list[0].SeenAt.IsZero() {
		t.Errorf("listed %+v, %v", list, err)
	}
	if list, err := consumer.Conflicts(t.Context(), b.pool, consumer.ConflictFilter{Limit: 1}); err != nil || len(list) != 1 || list[0].Key != "a" {
		t.Errorf("listed %+v, %v", list, err)
	}
	if list, err := consumer.Conflicts(t.Context(), b.pool, consumer.ConflictFilter{Topic: "another"}); err != nil || len(list) != 0 {
		t.Errorf("listed %+v, %v", list, err)
	}
}

func TestAConflictEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		records []broker.Record
		want    string
	}{
		"HigherVersion":        {[]broker.Record{named("a", 6)}, ""},
		"HigherAndConflict":    {[]broker.Record{named("a", 6), other("a", 6)}, "a6"},
		"ConflictThenHigher":   {[]broker.Record{other("a", 5), named("a", 6)}, ""},
		"SameData":             {[]broker.Record{named("a", 5)}, ""},
		"SameDataThenOther":    {[]broker.Record{named("a", 5), other("a", 5)}, "a5"},
		"OtherThenSameData":    {[]broker.Record{other("a", 5), named("a", 5)}, ""},
		"Purge":                {[]broker.Record{purge("a")}, ""},
		"PurgeThenConflict":    {[]broker.Record{purge("a"), named("a", 6), other("a", 6)}, "a6"},
		"OlderVersion":         {[]broker.Record{named("a", 4)}, "a5"},
		"UnknownType":          {[]broker.Record{message("a", 6, thing{Name: "unknown"})}, "a5"},
		"DeadLetter":           {[]broker.Record{failing("a", 6, "poison")}, "a5"},
		"AnotherAggregate":     {[]broker.Record{named("c", 6)}, "a5"},
		"OtherThenUnknownType": {[]broker.Record{other("a", 5), message("a", 6, thing{Name: "unknown"})}, "a5"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, comparing)
			b.seed(0)
			b.handle(0, named("a", 5), other("a", 5))
			b.wantConflicts("a5")
			next := on(t, b.pool, comparing) // an instance that takes the partition
			next.seed(0)
			next.wantConflicts("a5")
			next.handle(2, tt.records...)
			next.wantConflicts(tt.want)
		})
	}
}

// An operator reads the log again. What was noticed once is noticed again, and an older conflict does not come back.
func TestConflictsAfterAReset(t *testing.T) {
	t.Parallel()
	b := setup(t, comparing)
	b.seed(0)
	records := []broker.Record{named("a", 5), other("a", 5), named("b", 1), other("b", 1), named("b", 2)}
	b.handle(0, records...)
	b.wantConflicts("a5")
	if _, err := b.pool.Exec(t.Context(), `UPDATE consumer_position SET next_offset = 0`); err != nil {
		t.Fatal(err)
	}
	b.seed(0)
	for i, r := range records {
		b.handle(int64(i), r)
	}
	b.wantConflicts("a5")
}

// What a handler reports counts only if its transaction commits.
func TestARolledBackTransactionRaisesNoAlarm(t *testing.T) {
	t.Parallel()
	b := setup(t, comparing)
	b.seed(0)
	b.handle(0, message("a", 1, thing{Name: "again"}))
	b.wantConflicts("")
	b.wantChanges("a1")
}

// A replay raises the alarm too, and says so in its note.
func TestAReplayRaisesTheAlarm(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", event.Partitions)
	b := setup(t, read(kafka, name), comparing)
	kafka.Write(t, broker.TopicPartition{Topic: name, Partition: 3}, failing("a", 5, "poison"))
	b.start(kafka)
	kafkatest.Eventually(t, "the dead letter is there", func() bool { return b.caughtUp(kafka, name, event.Partitions) })
	replay := func(r broker.Record, note string) {
		t.Helper()
		if _, err := b.pool.Exec(t.Context(), `UPDATE dead_letter SET value = $1, version = NULL, state = 'open'`, r.Value); err != nil {
			t.Fatal(err)
		}
		another := on(t, b.pool, read(kafka, name), comparing) // as a command
		letter, err := another.Replay(t.Context(), query[int64](b, `SELECT id FROM dead_letter`), "me", "why")
		if err != nil || letter.Note == nil && note != "" || letter.Note != nil && !strings.Contains(*letter.Note, note) {
			t.Errorf("replayed %+v, %v", letter, err)
		}
	}
	problem := func(want bool) func() bool {
		return func() bool { return strings.Contains(strings.Join(b.State().Problems(), ""), "copy_conflict") == want }
	}
	replay(named("a", 5), "")
	replay(other("a", 5), "the copy already had version 5 with other data")
	kafkatest.Eventually(t, "the alarm is raised", problem(true))
	replay(named("a", 6), "")
	kafkatest.Eventually(t, "the alarm has ended", problem(false))
}
