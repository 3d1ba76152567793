package consumer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// A foreign producer writes a batch that decompresses to more than the consumer allows. It becomes a dead letter, and the events
// behind it are applied.
func TestABatchThatCannotBeReadBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	kafka := kafkatest.New(t)
	name := kafka.CreateTopic(t, "thing", 1)
	tp := broker.TopicPartition{Topic: name, Partition: 0}
	kafka.Write(t, tp, named("a", 1))
	kafka.WriteCompressed(t, tp, broker.Record{Key: []byte("b"), Value: make([]byte, 70<<20)})
	kafka.Write(t, tp, named("c", 1))
	b := setup(t, read(kafka, name))
	b.start(kafka)
	kafkatest.Eventually(t, "the event behind it is applied", func() bool { return b.copied("c") == 1 })
	b.wantChanges("a1 c1")
	b.wantLetters("1:unreadable/open")
	letters, err := consumer.ListDeadLetters(t.Context(), b.pool, consumer.DeadLetterFilter{})
	if err != nil || len(letters) != 1 || !strings.Contains(letters[0].Reason, "decompresses to more than 64 MiB") {
		t.Fatalf("%+v, %v", letters, err)
	}
	_, err = b.Replay(t.Context(), letters[0].ID, "somebody", "try it")
	var refused *consumer.Error
	if !errors.As(err, &refused) || refused.Code != consumer.CodeReplayFailed {
		t.Errorf("a replay: %v", err)
	}
	b.wantLetters("1:unreadable/open")
}

// The position moves past the whole batch, also if its events are applied one by one.
func TestAnUnreadableBatchIsPassedOverAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.seed(0)
	records := log(0, named("a", 1), raw("", "the first bytes"), failing("c", 1, "poison"))
	records[1].Key, records[1].Unreadable = nil, &broker.UnreadableBatch{Last: 9, Bytes: 5000, Cause: errUnknown}
	records[2].Offset = 10
	if err := b.Handle(t.Context(), tp, 0, broker.At(11), records); err != nil {
		t.Fatal(err)
	}
	b.wantChanges("a1")
	b.wantLetters("1:unreadable/open 10:poison/open")
	b.wantPosition(11)
}

// Each batch that cannot be read counts for the limit of dead letters in a row: they have no keys.
func TestManyUnreadableBatchesPause(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *consumer.Config[*tx]) { c.DeadLettersInARow = 3 })
	b.seed(0)
	for offset := range int64(3) {
		records := log(offset, raw("", "x"))
		records[0].Key, records[0].Unreadable = nil, &broker.UnreadableBatch{Last: offset, Cause: fmt.Errorf("batch %d", offset)}
		err := b.Handle(t.Context(), tp, offset, broker.At(offset+1), records)
		if paused := errors.Is(err, broker.ErrReseek); paused != (offset == 2) {
			t.Errorf("offset %d: %v", offset, err)
		}
	}
	b.wantLetters("0:unreadable/open 1:unreadable/open 2:unreadable/open")
}
