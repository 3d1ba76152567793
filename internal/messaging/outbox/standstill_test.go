//go:build !realkafka

package outbox

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// standingCoordinator returns a coordinator with one lane, which publishes.
func standingCoordinator() (*coordinator, *lane) {
	l := freshLane(1)
	return &coordinator{
		Relay:    &Relay{cfg: Config{Topics: []string{"topic"}}.withDefaults(), metrics: newMetrics(""), log: slog.New(slog.DiscardHandler)},
		checkers: map[string]*logChecker{"topic": {}}, topics: topicChecks{of: map[string]topicCheck{"topic": {passed: true}}},
		troubles: map[string]*trouble{}, lanes: []*lane{l},
	}, l
}

// claimed queues rows in the lane.
func claimed(l *lane, n int) {
	for seq := range int64(n) {
		l.admit([]messagingdb.ClaimPendingRow{{Shard: 3, Seq: seq + 1, Topic: "topic", Key: "a", Version: seq + 1, Payload: []byte("x")}}, false)
	}
}

// Each state in which events do not move is in the relay's state, in the metric, and with its code in what /readyz says.
func TestEveryStandstillIsVisible(t *testing.T) {
	t.Parallel()
	now := time.Now()
	rest := now.Add(12 * time.Minute)
	halted := func(code HaltCode) func(*coordinator, *lane) {
		return func(_ *coordinator, l *lane) { l.halt = &Halt{Code: code, Reason: "the reason"} }
	}
	trouble := func(part string) func(*coordinator, *lane) {
		return func(c *coordinator, _ *lane) { c.troubles[part] = &trouble{last: "the reason"} }
	}
	type state struct {
		cause func(*coordinator, *lane)
		says  string
	}
	states := map[StandstillCode][]state{
		Paused: {
			{func(c *coordinator, _ *lane) { c.paused = pauses{"topic": {Topic: "topic", Reason: "moving (ann)"}} }, "moving (ann)"},
			{func(c *coordinator, _ *lane) { c.paused = pauses{AllTopics: {Reason: "moving (ann)"}} }, "the whole outbox"},
		},
		EpochsUsedUp: {{func(_ *coordinator, l *lane) { l.phase, l.restsUntil, l.parkedUntil = phaseOpening, rest, rest },
			"until " + rest.UTC().Format(time.RFC3339)}},
		CutOff:     {{func(c *coordinator, _ *lane) { c.cutOff = true }, "Kafka answers other instances"}},
		KafkaFails: {{trouble("kafka"), "kafka: the reason"}},
		DatabaseFails: {
			{trouble("leases"), "leases: the reason"}, {trouble("claim"), "claim: the reason"}, {trouble("mark"), "mark: the reason"},
		},
		ComparisonFails: {{trouble("compare topic"), "compare topic: the reason"}},
		MigrationsUnfit: {{func(c *coordinator, l *lane) { trouble("leases")(c, l); c.misfit = true }, "leases: the reason"}},
		UnknownTopic:    {{trouble("topics"), "topics: the reason"}},
		Comparing:       {{func(c *coordinator, _ *lane) { text := "topic-3, 7%"; c.checkers["topic"].progress.Store(&text) }, "topic-3, 7%"}},
		OpensSlowly: {
			{func(_ *coordinator, l *lane) { l.phase = phaseOpening }, "waits to be compared"},
			{func(_ *coordinator, l *lane) { l.phase, l.verified = phaseOpening, true }, "producer id"},
			{func(_ *coordinator, l *lane) { l.phase = phaseFenced }, "another producer"},
		},
		NotAcknowledged: {
			{func(_ *coordinator, l *lane) { claimed(l, 1) }, "has not acknowledged"},
			{func(c *coordinator, l *lane) { c.cfg.ClaimRows = 1; claimed(l, 3) }, "the queue is full"},
		},
		PredecessorMissing: {{func(_ *coordinator, l *lane) { l.skip("version 2 of a", now) }, "version 2 of a"}},
		Blocked:            {{func(c *coordinator, _ *lane) { c.noteShared(Status{BlockedCount: 7}.sharedStandstills()) }, "7 aggregates"}},
		NoHolder: {{func(c *coordinator, _ *lane) {
			status := Status{Shards: []ShardStatus{{Topic: "topic", Shard: 3}, {Topic: "topic", Shard: 4, Held: true}}}
			c.noteShared(status.sharedStandstills())
			if len(c.shared) > 0 {
				t.Error("a shard that moves counts as a standstill")
			}
			c.noteShared(status.sharedStandstills())
		}, "no running instance"}},
	}
	for _, code := range HaltCodes() {
		states[StandstillCode(code)] = []state{{halted(code), "the reason"}}
	}
	unfit := func(c *coordinator, _ *lane) { c.topics.of["topic"] = topicCheck{reason: "the reason"} }
	states[StandstillCode(TopicsUnfit)] = append(states[StandstillCode(TopicsUnfit)], state{unfit, "the reason"})
	for _, code := range StandstillCodes() {
		if len(states[code]) == 0 {
			t.Errorf("no state of this test is %s", code)
		}
		for _, s := range states[code] {
			c, l := standingCoordinator()
			c.noteStanding(now)
			c.publishState(now)
			if problems := c.State().Problems(); len(problems) > 0 {
				t.Fatalf("a relay that publishes has problems: %q", problems)
			}
			s.cause(c, l)
			c.noteStanding(now)
			c.noteStanding(now.Add(longStanding))
			c.publishState(now.Add(longStanding))
			state := c.State()
			if len(state.Standstills) != 1 || state.Standstills[0].Code != code {
				t.Errorf("%s: standstills %+v", code, state.Standstills)
			}
			if problems := strings.Join(state.Problems(), "\n"); !strings.Contains(problems, string(code)) || !strings.Contains(problems, s.says) {
				t.Errorf("%s: problems %q, want %q", code, problems, s.says)
			}
			if told := strings.Join(state.ForAnyone(), "\n"); !strings.Contains(told, string(code)) || strings.Contains(told, "reason") {
				t.Errorf("%s: /readyz says %q", code, told)
			}
			for _, shown := range StandstillCodes() {
				want := 0.0
				if shown == code {
					want = 1
				}
				if got := testutil.ToFloat64(c.metrics.standstill.WithLabelValues(string(shown))); got != want {
					t.Errorf("%s: the metric of %s is %v, want %v", code, shown, got, want)
				}
			}
		}
	}
}

// What usually takes a moment is not a standstill before it has lasted for long. It ends when the lane moves.
func TestAStandstillEnds(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, state := range map[string]struct{ cause, end func(*coordinator, *lane) }{
		"opening": {func(_ *coordinator, l *lane) { l.phase = phaseOpening }, func(_ *coordinator, l *lane) { l.phase = phaseReady }},
		"waiting": {func(_ *coordinator, l *lane) { claimed(l, 2) }, func(c *coordinator, l *lane) {
			if err := l.freeze(1, 1<<20); err != nil {
				t.Fatal(err)
			}
			c.handleAck(l, 0, now) // one row is left
		}},
		"skipped": {func(_ *coordinator, l *lane) { l.skip("version 2 of a", now) }, func(_ *coordinator, l *lane) { l.beginSweep(); l.beginSweep() }},
	} {
		c, l := standingCoordinator()
		state.cause(c, l)
		c.noteStanding(now)
		if list := c.standstills(nil, now.Add(longStanding-1)); len(list) > 0 {
			t.Errorf("%s: %+v is too early", name, list)
		}
		if list := c.standstills(nil, now.Add(longStanding)); len(list) != 1 {
			t.Errorf("%s: %+v", name, list)
		}
		state.end(c, l)
		c.noteStanding(now.Add(longStanding))
		if list := c.standstills(nil, now.Add(longStanding)); len(list) > 0 {
			t.Errorf("%s: %+v, although it is over", name, list)
		}
	}
}

// The status shows the standstills of every instance, and the shards that no running instance holds.
func TestStandstillsInTheStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	relay := b.start("a")
	relay.waitForShards(allShards)
	read := func() Status {
		s, err := ReadStatus(t.Context(), b.pool)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := read(); len(s.Standstills) > 0 {
		t.Errorf("standstills %+v", s.Standstills)
	}
	b.pause(b.products)
	kafkatest.Eventually(t, "the status shows the pause", func() bool {
		return slices.ContainsFunc(read().Standstills, func(s ShownStandstill) bool {
			return s.Instance == "a" && s.Code == Paused && strings.Contains(s.Reason, "maintenance")
		})
	})
	if _, err := b.pool.Exec(t.Context(), `INSERT INTO outbox_blocked VALUES ('topic', 'key', 1, now(), 'too large')`); err != nil {
		t.Fatal(err)
	}
	if s := read(); !slices.ContainsFunc(s.Standstills, func(s ShownStandstill) bool { return s.Code == Blocked }) {
		t.Errorf("standstills %+v", s.Standstills)
	}
	relay.stop()
	if s := read(); !slices.ContainsFunc(s.Standstills, func(s ShownStandstill) bool { return s.Code == NoHolder && len(s.Shards) == allShards }) {
		t.Errorf("standstills %+v", s.Standstills)
	}
}

// An instance that was killed leaves its row. Its shards are shown as not held, and its standstills not at all.
func TestStandstillsOfADeadInstance(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `WITH i AS (INSERT INTO outbox_instance (id, name, beat_at, standstills)
			VALUES (gen_random_uuid(), 'dead', now() - interval '1 hour', '[{"code": "paused", "reason": "long ago"}]') RETURNING id)
		INSERT INTO outbox_lease (topic, shard, owner) SELECT 'topic', s.shard, i.id FROM i, outbox_shard s`); err != nil {
		t.Fatal(err)
	}
	s, err := ReadStatus(t.Context(), b.pool)
	if err != nil || len(s.Standstills) != 1 || s.Standstills[0].Code != NoHolder || len(s.Standstills[0].Shards) != event.Partitions {
		t.Errorf("standstills %+v, %v", s.Standstills, err)
	}
}

// A lane lives for one epoch only. A shard whose epochs all end without an acknowledgement stands still as well.
func TestAStandstillOutlivesAnEpoch(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c, l := standingCoordinator()
	claimed(l, 1)
	for range 3 {
		c.noteStanding(now)
		c.lanes[0].phase = phaseOrderSent
		c.noteStanding(now)
		next := lease{tp: l.tp, epoch: c.lanes[0].epoch + 1, producerID: 1}
		c.applyLeaseView(leaseView{leases: []lease{next}}, now)
		fresh := c.lanes[0]
		if fresh.epoch != next.epoch {
			t.Fatalf("the lane has epoch %d, want %d", fresh.epoch, next.epoch)
		}
		c.noteStanding(now)
		fresh.phase, fresh.verified = phaseReady, true
		fresh.readFrom(0)
		now = now.Add(longStanding / 2)
		c.noteStanding(now) // the claim has not returned yet
		claimed(fresh, 1)
	}
	list := c.standstills(nil, now)
	if len(list) != 1 || list[0].Code != NotAcknowledged {
		t.Errorf("standstills %+v", list)
	}
	c.lanes[0].takeKey("a") // nothing is left to send
	c.noteStanding(now)
	if list := c.standstills(nil, now); len(list) > 0 {
		t.Errorf("standstills %+v, although nothing is pending", list)
	}
}

// While shards move one after the other, each status shows another shard without a holder.
func TestShardsThatMoveDoNotStandStill(t *testing.T) {
	t.Parallel()
	c, _ := standingCoordinator()
	free := func(shards ...int) []Standstill {
		var s Status
		for _, shard := range shards {
			s.Shards = append(s.Shards, ShardStatus{Topic: "topic", Shard: shard})
		}
		return s.sharedStandstills()
	}
	for _, moving := range [][]int{{1, 2}, {3}, {4}} {
		if c.noteShared(free(moving...)); len(c.shared) > 0 {
			t.Errorf("standstills %+v", c.shared)
		}
	}
	if c.noteShared(free(4, 5)); len(c.shared) != 1 || !slices.Equal(c.shared[0].Shards, []string{"topic-4"}) {
		t.Errorf("standstills %+v, want shard 4", c.shared)
	}
}

// The trouble with Kafka ends with an answer of Kafka. A lane that has failed before, and has nothing to send now, does not
// prolong it.
func TestTheTroubleWithKafkaEnds(t *testing.T) {
	t.Parallel()
	answer := func(verdict broker.Verdict) func(*coordinator, *lane) {
		return func(c *coordinator, l *lane) {
			for range 2 {
				c.handleResult(l, broker.Result{Err: &broker.Error{Verdict: verdict, Err: errors.New("the reason")}})
			}
		}
	}
	for name, then := range map[string]func(*coordinator, *lane){
		"the event is refused":  answer(broker.Refused),
		"the service is denied": answer(broker.Configuration),
		"the topic is paused": func(c *coordinator, l *lane) {
			l.unfreeze() // it has waited for a leader
			c.paused = pauses{"topic": {Topic: "topic"}}
		},
	} {
		c, l := standingCoordinator()
		c.io = t.Context()
		claimed(l, 1)
		if err := l.freeze(1, 1<<20); err != nil {
			t.Fatal(err)
		}
		c.handleResult(l, broker.Result{Err: &broker.Error{Verdict: broker.NotWritten, Err: broker.ErrNoLeader}})
		if c.kafkaAnswered(); c.troubles["kafka"] == nil {
			t.Fatalf("%s: the trouble has ended, although an event waits for Kafka", name)
		}
		then(c, l)
		if c.kafkaAnswered(); c.troubles["kafka"] != nil {
			t.Errorf("%s: the trouble goes on: %s", name, c.troubles["kafka"].last)
		}
	}
}
