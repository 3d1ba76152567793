package consumer_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func (b *bundle) inTx(f func(pgx.Tx) error) {
	b.t.Helper()
	if err := pgx.BeginFunc(b.t.Context(), b.pool, f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) pause(topic string, partition int) (paused []consumer.PausedPartition) {
	b.t.Helper()
	b.inTx(func(tx pgx.Tx) (err error) {
		paused, err = consumer.Pause(b.t.Context(), tx, topic, partition, consumer.Paused, "a new version comes")
		return err
	})
	return paused
}

func (b *bundle) resume(topic string, partition int) (resumed []consumer.PausedPartition) {
	b.t.Helper()
	b.inTx(func(tx pgx.Tx) (err error) {
		resumed, err = consumer.Resume(b.t.Context(), tx, topic, partition)
		return err
	})
	return resumed
}

func (b *bundle) position() int64 {
	b.t.Helper()
	return query[int64](b, `SELECT next_offset FROM consumer_position`)
}

// copied returns the version of the copy, or 0.
func (b *bundle) copied(key string) int64 {
	b.t.Helper()
	return query[int64](b, `SELECT coalesce(max(version), 0) FROM thing_copy WHERE id = $1`, key)
}

// A paused partition applies nothing, says why, and goes on where it was. The other partitions are not paused.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 2)
	b := setup(t, read(kafka, name))
	b.start(kafka)
	first, second := broker.TopicPartition{Topic: name}, broker.TopicPartition{Topic: name, Partition: 1}
	kafka.Write(t, first, versions("a", 2)...)
	kafka.Write(t, second, versions("b", 2)...)
	kafkatest.Eventually(t, "both are applied", func() bool { return b.caughtUp(kafka, name, 2) })

	if paused := b.pause(name, 0); len(paused) != 1 || paused[0].Partition != 0 || paused[0].Position != 2 {
		t.Fatalf("paused %+v", paused)
	}
	if again := b.pause(name, consumer.AllPartitions); len(again) != 1 || again[0].Partition != 1 {
		t.Errorf("paused %+v", again)
	}
	b.resume(name, 1)
	kafka.Write(t, first, versions("c", 1)...)
	kafka.Write(t, second, versions("d", 1)...)
	kafkatest.Eventually(t, "the other is applied, and the paused one says why", func() bool {
		problems := b.State().Problems()
		return b.copied("d") == 1 && len(problems) == 1 && strings.Contains(problems[0], name+"-0 is halted: paused: a new version comes. It continues with")
	})
	if n := b.copied("c"); n != 0 {
		t.Errorf("a paused partition has applied version %d", n)
	}
	resumed := b.resume(name, consumer.AllPartitions)
	if len(resumed) != 1 || resumed[0].Code != consumer.Paused || resumed[0].Reason != "a new version comes" {
		t.Errorf("resumed %+v", resumed)
	}
	kafkatest.Eventually(t, "it goes on", func() bool { return b.copied("c") == 1 && len(b.State().Problems()) == 0 })
}

// A batch that is being applied while an operator pauses is not committed.
func TestPauseInTheMiddle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	b.handle(0, named("a", 1))
	b.pause(topic, tp.Partition)
	err := b.Handle(t.Context(), tp, 1, broker.At(2), log(1, named("b", 1)))
	if !errors.Is(err, broker.ErrReseek) {
		t.Errorf("the batch: %v", err)
	}
	b.wantPosition(1)
	var halted *broker.HaltError
	if _, err := b.Position(t.Context(), tp, broker.LogStart{}); !errors.As(err, &halted) || halted.Code != consumer.Paused {
		t.Errorf("the position: %v", err)
	}
}

// A bad deployment must not bury a topic: after some dead letters in a row the partition is paused.
func TestManyDeadLettersPause(t *testing.T) {
	t.Parallel()
	poison := func(key string) broker.Record { return failing(key, 1, "poison") }
	junk := func(key string) broker.Record { return raw(key, "no event") }
	good := func(key string) broker.Record { return named(key, 1) }
	for name, tt := range map[string]struct {
		records []broker.Record
		at      int64 // the position at which it is paused; -1 if it is not
	}{
		"poison":              {[]broker.Record{good("a"), poison("b"), poison("c"), poison("d"), good("e")}, 4},
		"undecodable":         {[]broker.Record{junk("a"), junk("b"), junk("c"), junk("d"), good("e")}, 3},
		"both kinds":          {[]broker.Record{junk("a"), poison("b"), junk("c"), good("d")}, 3},
		"at the end":          {[]broker.Record{junk("a"), junk("b"), junk("c")}, 3},
		"a good one between":  {[]broker.Record{junk("a"), poison("b"), good("c"), junk("d"), poison("e")}, -1},
		"one aggregate alone": {[]broker.Record{poison("a"), poison("a"), junk("a"), junk("a"), junk("b")}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(c *consumer.Config[*tx]) { c.DeadLettersInARow = 3 })
			b.seed(0)
			err := b.Handle(t.Context(), tp, 0, broker.At(int64(len(tt.records))), log(0, tt.records...))
			_, seek := b.Position(t.Context(), tp, broker.LogStart{})
			var halted *broker.HaltError
			switch paused := errors.As(seek, &halted); {
			case tt.at < 0:
				if paused || err != nil {
					t.Errorf("%v, paused: %v", err, seek)
				}
			case !paused || halted.Code != consumer.ManyDeadLetters || !errors.Is(err, broker.ErrReseek):
				t.Errorf("%v, paused: %v", err, seek)
			case b.position() != tt.at:
				t.Errorf("paused at %d, want %d", b.position(), tt.at)
			}
			if tt.at < 0 {
				return
			}
			b.resume(topic, tp.Partition)
			if _, err := b.Position(t.Context(), tp, broker.LogStart{}); err != nil {
				t.Fatal(err)
			}
			if rest := tt.records[tt.at:]; len(rest) > 0 {
				b.handle(tt.at, rest...)
			}
			b.wantPosition(int64(len(tt.records)))
		})
	}
}

// What a resumed partition has stored as dead letters is all there.
func TestEveryCutEventIsADeadLetter(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *consumer.Config[*tx]) { c.DeadLettersInARow = 2 })
	var records []broker.Record
	var want []int64
	for i := range 7 {
		records, want = append(records, raw(fmt.Sprint(i), "no event")), append(want, int64(i))
	}
	b.seed(0)
	for b.position() < 7 {
		_ = b.Handle(t.Context(), tp, b.position(), broker.At(7), log(b.position(), records[b.position():]...)) // ErrReseek
		b.resume(topic, consumer.AllPartitions)
		if _, err := b.Position(t.Context(), tp, broker.LogStart{}); err != nil {
			t.Fatal(err)
		}
	}
	var offsets []int64
	rows, err := b.pool.Query(t.Context(), `SELECT "offset" FROM dead_letter ORDER BY 1`)
	if err == nil {
		offsets, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	if err != nil || !slices.Equal(offsets, want) {
		t.Errorf("dead letters at %v, %v", offsets, err)
	}
}

// An event that is tried again and again is passed over. It is kept, and can be replayed.
func TestSkip(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 1)
	first := broker.TopicPartition{Topic: name}
	b := setup(t, read(kafka, name))
	by := audit.Operator{By: "ann", Reason: "the next release can read it"}
	kafka.Write(t, first, named("a", 1), failing("b", 1, "conflict"), named("c", 1))
	b.start(kafka)
	kafkatest.Eventually(t, "an event is tried again and again", func() bool {
		problems := b.State().Problems()
		return len(problems) == 1 && strings.Contains(problems[0], "is held") && b.copied("a") == 1
	})
	letter, err := b.Skip(t.Context(), kafka.Direct(), first, by)
	if err != nil || letter.Key != "b" || letter.Code != "skipped" || letter.State != consumer.Open || letter.Offset != 1 {
		t.Fatalf("skipped %+v, %v", letter, err)
	}
	kafkatest.Eventually(t, "the next one is applied", func() bool { return b.copied("c") == 1 && len(b.State().Problems()) == 0 })
	for name, tt := range map[string]struct {
		tp   broker.TopicPartition
		code string
	}{
		"no next event": {first, consumer.CodeInvalid}, "not read": {broker.TopicPartition{Topic: "other"}, consumer.CodeTopicNotRead},
		"no partition": {broker.TopicPartition{Topic: first.Topic, Partition: 7}, consumer.CodeInvalid},
	} {
		_, err := b.Skip(t.Context(), kafka.Direct(), tt.tp, by)
		if e, ok := errors.AsType[*consumer.Error](err); !ok || e.Code != tt.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := query[int](b, `SELECT count(*) FROM operator_action WHERE command = 'consumer skip' AND by_whom = 'ann'`); n != 1 {
		t.Errorf("%d records", n)
	}
}
