package adminmessages

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
)

// checkSteps fails unless each step says something, and each link leads to a page of the section.
func checkSteps(t *testing.T, p *Pages, title string, steps []step) {
	t.Helper()
	if !strings.HasSuffix(title, ".") || len(steps) == 0 {
		t.Fatalf("%q has %d steps", title, len(steps))
	}
	number := regexp.MustCompile(`/\d+`)
	for _, s := range steps {
		if s.Text == "" || (s.Path == "") != (s.Link == "") || (s.Path != "" && s.Role == "") {
			t.Errorf("the step %+v is not complete", s)
		}
		u, err := url.Parse(s.Path)
		if err != nil {
			t.Fatal(err)
		}
		found := s.Path == ""
		for _, r := range p.Section().Routes {
			found = found || r.Path == number.ReplaceAllString(u.Path, "/{id}")
		}
		if !found {
			t.Errorf("the step %+v leads nowhere", s)
		}
	}
}

// Each state in which events do not move has a title and says what to do.
func TestEveryStopSaysWhatToDo(t *testing.T) {
	t.Parallel()
	p := New(Config{Program: "things", Models: []repair.Model{{Topic: "own"}}, Repair: repair.Service{Publishes: []string{"own"}, Consumes: []string{"other"}}})
	for _, code := range outbox.StandstillCodes() {
		status := outbox.Status{Standstills: []outbox.ShownStandstill{{Standstill: outbox.Standstill{Code: code, Reason: "x"}}}}
		if code == outbox.Paused {
			status = outbox.Status{Paused: []outbox.PausedTopic{{Topic: "own", Reason: "x"}}}
		}
		found := p.sendingStops(status)
		if len(found) != 1 {
			t.Fatalf("%s has %d stops", code, len(found))
		}
		checkSteps(t, p, found[0].Title, found[0].Steps)
	}
	for _, code := range outbox.HaltCodes() {
		found := p.sendingStops(outbox.Status{Halted: []outbox.HaltedShard{{Topic: "own", Shard: 1, Code: code}, {Topic: "own", Shard: 2, Code: code}}})
		if len(found) != 1 || found[0].Where() != "own partitions 1–2" || found[0].Waits {
			t.Fatalf("%s has the stops %v", code, found)
		}
		checkSteps(t, p, found[0].Title, found[0].Steps)
	}
	for _, code := range consumer.HaltCodes() {
		state := consumer.State{Partitions: []consumer.PartitionState{{Topic: "other", Partition: 2, HaltCode: code, Halted: "x"}}}
		partitions := []repair.ConsumedPartition{{Topic: "other", Partition: 2}}
		if code == consumer.Paused || code == consumer.ManyDeadLetters {
			partitions[0].Paused = &consumer.Pausing{Code: code, Reason: "x"}
		}
		found := p.receivingStops(partitions, state, nil)
		if len(found) != 1 || found[0].Where() != "partition 2" {
			t.Fatalf("%s has the stops %v", code, found)
		}
		checkSteps(t, p, found[0].Title, found[0].Steps)
	}
	held := consumer.State{Partitions: []consumer.PartitionState{{Topic: "other", Partition: 2, Held: "the database is away"}}}
	for _, one := range p.receivingStops(nil, held, map[string]int64{"other": 2}) {
		checkSteps(t, p, one.Title, one.Steps)
	}
	for code := range causes {
		checkSteps(t, p, "A dead letter.", letterSteps(consumer.DeadLetter{ID: 7, Code: code}))
	}
	for _, code := range []string{"sqlstate-22001", "invalid"} {
		checkSteps(t, p, "A dead letter.", letterSteps(consumer.DeadLetter{ID: 7, Code: code, Version: new(int64)}))
	}
	checkSteps(t, p, "A comparison.", comparedSteps(1, string(repair.Recover)))
}

// Shards and partitions are named in a short form.
func TestPlacesOfAStop(t *testing.T) {
	t.Parallel()
	p := New(Config{})
	halted := func(numbers ...int) (status outbox.Status) {
		for _, n := range numbers {
			status.Halted = append(status.Halted, outbox.HaltedShard{Topic: "own", Shard: n, Code: outbox.LogTruncated, Reason: "the log ends"})
		}
		return status
	}
	const title = "Kafka has lost events that it had confirmed"
	for want, status := range map[string]outbox.Status{
		title + ": own partition 3.": halted(3), title + ": own partitions 0–2, 5.": halted(5, 0, 1, 2),
		"Kafka does not answer, or a partition has no leader: vm:1; own partition 7.": {Standstills: []outbox.ShownStandstill{
			{Instance: "vm:1", Standstill: outbox.Standstill{Code: outbox.NotAcknowledged, Reason: "a consequence"}},
			{Instance: "vm:1", Standstill: outbox.Standstill{Code: outbox.KafkaFails, Reason: "refused", Shards: []string{"own-7"}}},
		}},
	} {
		if got := p.sendingStops(status); len(got) != 1 || got[0].short() != want {
			t.Errorf("%d stops, the first is %q, want %q", len(got), got[0].short(), want)
		}
	}
}

// A stop shows each reason once, in one sentence.
func TestReasonsOfAStop(t *testing.T) {
	t.Parallel()
	var s stop
	for _, reason := range []string{"it is away\nask again: refused\nask again: refused\n", "it is away; ask again: refused", "", "\n", "shop.order.v1-3 is odd"} {
		s.because(reason)
	}
	if want := []string{"It is away; ask again: refused.", "shop.order.v1-3 is odd."}; !slices.Equal(s.Reasons, want) {
		t.Errorf("the reasons are %q, want %q", s.Reasons, want)
	}
}
