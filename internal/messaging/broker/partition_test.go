package broker //nolint:testpackage // a broken log cannot be made from outside

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
)

func TestLogThatCannotBeReadHaltsAfterThreeTries(t *testing.T) {
	t.Parallel()
	g := &generation{log: slog.New(slog.DiscardHandler)}
	p := newPartition(TopicPartition{"t", 0})
	p.phase = partitionReading
	for range 2 {
		p.countUnreadable(g, 0, errBrokenBatch)
	}
	p.enqueue(0, decodedBatches{}, 7) // a good response in between: the transfer was damaged
	for i := range 3 {
		if p.isHalted() {
			t.Fatalf("halted after %d tries", i)
		}
		p.countUnreadable(g, 0, errBrokenBatch)
	}
	if s := p.state(); s.Halted == "" || s.End != 7 {
		t.Errorf("got %+v", s)
	}
}

func TestAnswersFromBeforeASeekAreDropped(t *testing.T) {
	t.Parallel()
	p := newPartition(TopicPartition{"t", 0})
	p.phase, p.seekCount, p.next, p.queueEnd, p.fetchOffset = partitionReading, 2, 10, 10, 10
	p.enqueue(1, decodedBatches{records: []Fetched{{Offset: 3}}, next: 4}, 20)
	p.setOutOfRange(1)
	if _, ok := p.takeBatch(10); ok || !p.isReading() {
		t.Error("an old answer had an effect")
	}
	p.enqueue(2, decodedBatches{records: []Fetched{{Offset: 11}, {Offset: 15}, {Offset: 16}}, next: 20}, 20)
	var got string
	for {
		b, ok := p.takeBatch(2)
		if !ok {
			break
		}
		got += fmt.Sprintf("%d-%d (%d) ", b.from, b.next.Offset, len(b.records))
		p.setApplied(&generation{}, b.next.Offset)
	}
	if got != "10-16 (2) 16-20 (1) " || p.queuedBytes != 0 {
		t.Errorf("got %s, %d bytes left", got, p.queuedBytes)
	}
}

// Between two records may be a batch without records, of another leader epoch. The position after the first record must not
// claim that its epoch reaches up to the second one: the leader would tell that it ends earlier, and the log would pass for a
// truncated one.
func TestPositionAfterAPartOfTheQueueHasTheEpochOfItsLastRecord(t *testing.T) {
	t.Parallel()
	p := newPartition(TopicPartition{"t", 0})
	p.phase, p.next, p.queueEnd, p.fetchOffset, p.log.topicID = partitionReading, 10, 10, 10, TopicID{1}
	p.enqueue(0, decodedBatches{records: []Fetched{{Offset: 11, LeaderEpoch: 4}, {Offset: 20, LeaderEpoch: 6}}, next: 25, epoch: 7}, 25)
	for _, want := range []Position{{12, 4, TopicID{1}}, {25, 7, TopicID{1}}} {
		b, ok := p.takeBatch(1)
		if !ok || b.next != want || len(b.records) != 1 {
			t.Errorf("got %d to %v, %d records, want %v", b.from, b.next, len(b.records), want)
		}
		p.setApplied(&generation{}, b.next.Offset)
	}
}

// The position may be changed while a batch is being applied. The batch ends as usual, and nothing before it comes again.
func TestReseekDuringABatchLeavesNoBatchBehind(t *testing.T) {
	t.Parallel()
	p := newPartition(TopicPartition{"t", 0})
	p.phase, p.next, p.queueEnd, p.fetchOffset = partitionReading, 10, 10, 10
	p.enqueue(0, decodedBatches{records: []Fetched{{Offset: 10}}, next: 11}, 11)
	first, ok := p.takeBatch(10)
	if !ok {
		t.Fatal("there is no batch")
	}
	p.reseek()
	p.setApplied(&generation{}, first.next.Offset)
	if b, ok := p.takeBatch(10); ok || p.isReading() {
		t.Errorf("the next batch goes from %d to %d, reading %v", b.from, b.next.Offset, p.isReading())
	}
}

func TestPartitionsAreSharedEvenlyAndTogether(t *testing.T) {
	t.Parallel()
	counts := map[string]int{"a": 12, "b": 12, "c": 1}
	for n := 1; n <= 13; n++ {
		wanted := map[string][]string{}
		for i := range n {
			id := fmt.Sprintf("member %02d", i)
			for topic := range counts {
				wanted[topic] = append(wanted[topic], id)
			}
		}
		seen := map[string]int{}
		for _, share := range assignRanges(wanted, counts) {
			if len(share["a"]) != len(share["b"]) || len(share["a"]) > (12+n-1)/n {
				t.Errorf("%d members: %v", n, share)
			}
			for topic, partitions := range share {
				seen[topic] += len(partitions)
			}
		}
		if seen["a"] != 12 || seen["b"] != 12 || seen["c"] != 1 {
			t.Errorf("%d members: %v", n, seen)
		}
	}
	if got := assignRanges(map[string][]string{"a": {"x"}, "gone": {"x"}}, map[string]int{"a": 1}); len(got["x"]) != 1 {
		t.Errorf("a topic that is gone: %v", got)
	}
}

func TestVerdictOfAnyOtherErrorIsAmbiguous(t *testing.T) {
	t.Parallel()
	if VerdictOf(errors.New("other")) != Resend || VerdictOf(fmt.Errorf("wrapped: %w", &Error{Verdict: Fenced})) != Fenced {
		t.Error("wrong verdict")
	}
	for v := Resend; v <= Bug+1; v++ {
		if v.String() == "" {
			t.Error(int(v))
		}
	}
}
