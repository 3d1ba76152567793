//go:build !realkafka

package outbox

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/monsplit/monsplit/internal/messaging/event"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// A lease time-out of 6 s, and 10 s until shards are given up.
func newJudge() *linkJudge {
	return &linkJudge{giveUpAfter: 10 * time.Second, leaseTimeout: 6 * time.Second}
}

func TestWhenAnInstanceIsCutOff(t *testing.T) {
	t.Parallel()
	start := time.Now()
	// look is what a lease pass finds.
	type look struct {
		after    int   // seconds
		waiting  int   // since which second this instance waits for Kafka; negative if it does not
		count    int64 // of Kafka's answers to this instance
		acks     int64
		others   othersLink
		cutOff   bool
		statedAs kafkaLink
	}
	at := func(after int, l look) look { l.after = after; return l }
	second := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	answered, able := othersLink{able: true, answered: true}, othersLink{able: true}
	for name, looks := range map[string][]look{
		"nothing waits": {
			at(0, look{waiting: -1, others: answered, statedAs: linkAnswers}),
			at(60, look{waiting: -1, others: answered, statedAs: linkAnswers}),
		},
		"Kafka answers another one": {
			at(0, look{others: answered, statedAs: linkAnswers}),
			at(5, look{others: answered, statedAs: linkSilent}), // the other beat may be older than the wait
			at(6, look{others: answered, statedAs: linkSilent}),
			at(15, look{others: able, statedAs: linkSilent}),
			at(16, look{others: able, cutOff: true, statedAs: linkCutOff}),
		},
		"Kafka answers nobody": {
			at(0, look{others: answered, statedAs: linkAnswers}),
			at(5, look{others: answered, statedAs: linkSilent}),
			at(300, look{others: able, statedAs: linkSilent}),
			at(600, look{others: able, statedAs: linkSilent}),
		},
		"Kafka was away, and answers others first": {
			at(0, look{others: able, statedAs: linkAnswers}),
			at(60, look{others: answered, statedAs: linkSilent}),
			at(69, look{others: answered, statedAs: linkSilent}),
			at(70, look{waiting: 69, count: 1, acks: 1, others: answered, statedAs: linkAnswers}),
			at(84, look{waiting: 69, count: 1, acks: 1, others: answered, statedAs: linkSilent}),
		},
		"the other one has become silent too": {
			at(6, look{others: answered, statedAs: linkSilent}),
			at(60, look{others: othersLink{}, statedAs: linkSilent}),
		},
		"Kafka answers again": {
			at(6, look{others: answered, statedAs: linkSilent}),
			at(16, look{others: answered, cutOff: true, statedAs: linkCutOff}),
			at(20, look{waiting: -1, count: 1, others: answered, cutOff: true, statedAs: linkCutOff}), // it rests
			at(26, look{waiting: -1, count: 1, others: answered, statedAs: linkAnswers}),
		},
		"it is the only one that is left": {
			at(6, look{others: answered, statedAs: linkSilent}),
			at(16, look{others: answered, cutOff: true, statedAs: linkCutOff}),
			at(17, look{waiting: -1, others: othersLink{}, cutOff: true, statedAs: linkCutOff}),
			at(18, look{waiting: -1, count: 1, others: othersLink{}, statedAs: linkAnswers}),
		},
		"only events do not get through": {
			at(6, look{others: answered, statedAs: linkSilent}),
			at(16, look{others: answered, cutOff: true, statedAs: linkCutOff}),
			at(26, look{waiting: -1, count: 1, others: answered, statedAs: linkAnswers}),
			at(36, look{waiting: 30, count: 1, others: answered, statedAs: linkSilent}),
			at(46, look{waiting: 30, count: 1, others: answered, cutOff: true, statedAs: linkCutOff}),
			at(65, look{waiting: -1, count: 2, others: answered, cutOff: true, statedAs: linkCutOff}), // twice as long
			at(66, look{waiting: -1, count: 2, others: answered, statedAs: linkAnswers}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJudge()
			for _, l := range looks {
				mine, now := kafkaAnswers{count: l.count, acks: l.acks}, second(l.after)
				if l.waiting >= 0 {
					mine.waitingSince = second(l.waiting)
				}
				j.judge(mine, l.others, now)
				if got := j.link(mine, now); j.cutOff != l.cutOff || got != l.statedAs {
					t.Errorf("after %d s: cut off %v and %q, want %v and %q", l.after, j.cutOff, got, l.cutOff, l.statedAs)
				}
			}
		})
	}
}

// An acknowledgement ends the growth of the rest.
func TestRestAfterBeingCutOff(t *testing.T) {
	t.Parallel()
	j, now := newJudge(), time.Now()
	mine := kafkaAnswers{}
	cutOff := func() time.Duration {
		mine.waitingSince = now
		for range 100 {
			now = now.Add(time.Second)
			if j.judge(mine, othersLink{able: true, answered: true}, now); j.cutOff {
				break
			}
		}
		rest := j.restUntil.Sub(now)
		now = j.restUntil
		mine.count++
		j.judge(mine, othersLink{able: true}, now)
		return rest
	}
	for i, want := range []int{10, 20, 40, 80, 160, 320, 640, 900, 900} {
		if got := cutOff(); got != time.Duration(want)*time.Second {
			t.Errorf("rest %d: %v, want %d s", i, got, want)
		}
	}
	mine.acknowledged()
	if got := cutOff(); got != 10*time.Second {
		t.Errorf("rest after an acknowledgement: %v, want 10 s", got)
	}
}

func TestOthersLink(t *testing.T) {
	t.Parallel()
	me, other := uuid.New(), uuid.New()
	start := time.Now()
	row := func(id uuid.UUID, beat, answers int64, link kafkaLink) messagingdb.ListInstancesRow {
		return messagingdb.ListInstancesRow{ID: id, Beat: beat, Answers: answers, Kafka: string(link)}
	}
	for name, tt := range map[string]struct {
		before, now []messagingdb.ListInstancesRow
		after       time.Duration
		want        othersLink
	}{
		"alone":               {now: []messagingdb.ListInstancesRow{row(me, 1, 9, linkAnswers)}},
		"new":                 {now: []messagingdb.ListInstancesRow{row(other, 1, 9, linkAnswers)}, want: othersLink{able: true}},
		"answered":            {before: []messagingdb.ListInstancesRow{row(other, 1, 9, linkAnswers)}, now: []messagingdb.ListInstancesRow{row(other, 2, 10, linkAnswers)}, want: othersLink{able: true, answered: true}},
		"not answered":        {before: []messagingdb.ListInstancesRow{row(other, 1, 9, linkAnswers)}, now: []messagingdb.ListInstancesRow{row(other, 2, 9, linkAnswers)}, want: othersLink{able: true}},
		"silent":              {before: []messagingdb.ListInstancesRow{row(other, 1, 9, linkAnswers)}, now: []messagingdb.ListInstancesRow{row(other, 2, 10, linkSilent)}},
		"cut off":             {before: []messagingdb.ListInstancesRow{row(other, 1, 9, linkAnswers)}, now: []messagingdb.ListInstancesRow{row(other, 2, 10, linkCutOff)}},
		"dead":                {before: []messagingdb.ListInstancesRow{row(other, 1, 9, linkAnswers)}, now: []messagingdb.ListInstancesRow{row(other, 1, 9, linkAnswers)}, after: 6 * time.Second},
		"one that is me":      {before: []messagingdb.ListInstancesRow{row(me, 1, 9, linkAnswers)}, now: []messagingdb.ListInstancesRow{row(me, 2, 10, linkAnswers)}},
		"silent but not dead": {before: []messagingdb.ListInstancesRow{row(other, 1, 9, linkAnswers)}, now: []messagingdb.ListInstancesRow{row(other, 1, 9, linkAnswers)}, after: 5 * time.Second, want: othersLink{able: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newLivenessTracker(6 * time.Second)
			w.observe(tt.before, nil, start)
			if got := w.othersLink(me, tt.now, start.Add(tt.after)); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// cluster is a model of several instances, the tables that they share, and a Kafka that reaches only some of them. Time goes
// by in steps of a second, and each instance makes a lease pass in each step.
type cluster struct {
	now       time.Time
	instances []*modelInstance
	rows      map[uuid.UUID]messagingdb.ListInstancesRow
	leases    []messagingdb.ListLeasesRow
	events    bool // events are appended all the time, to all shards
}

type modelInstance struct {
	id      uuid.UUID
	reaches bool // Kafka answers it
	probed  time.Time
	tracker *livenessTracker
	judge   *linkJudge
	kafka   kafkaAnswers
	held    int
}

func newCluster(n int) *cluster {
	c := &cluster{now: time.Now(), rows: map[uuid.UUID]messagingdb.ListInstancesRow{}}
	for shard := range event.Partitions {
		c.leases = append(c.leases, messagingdb.ListLeasesRow{Topic: "topic", Shard: int16(shard), Known: true})
	}
	for i := range n {
		var id uuid.UUID
		binary.BigEndian.PutUint64(id[:], uint64(i))
		c.instances = append(c.instances, &modelInstance{id: id, reaches: true, tracker: newLivenessTracker(6 * time.Second), judge: newJudge()})
	}
	return c
}

// ask is what an instance asks Kafka in a second, and whether it is answered.
func (c *cluster) ask(m *modelInstance) {
	waits := c.events && m.held > 0
	m.kafka.wait(waits, c.now)
	switch {
	case !m.reaches:
	case waits:
		m.kafka.acknowledged()
		m.kafka.wait(true, c.now)
	case c.now.Sub(m.probed) >= 10*time.Second:
		m.probed = c.now
		m.kafka.checked()
	}
}

func (c *cluster) pass(m *modelInstance) {
	row := c.rows[m.id]
	row.ID, row.Beat, row.Answers, row.Kafka = m.id, row.Beat+1, m.kafka.count, string(m.judge.link(m.kafka, c.now))
	c.rows[m.id] = row
	var instances []messagingdb.ListInstancesRow
	for _, row := range c.rows {
		instances = append(instances, row)
	}
	slices.SortFunc(instances, func(a, b messagingdb.ListInstancesRow) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for i := range c.leases {
		if l := &c.leases[i]; l.Owner != nil && *l.Owner == m.id {
			l.Beat++
		}
	}
	leases := slices.Clone(c.leases)
	m.judge.judge(m.kafka, m.tracker.othersLink(m.id, instances, c.now), c.now)
	m.tracker.observe(instances, leases, c.now)
	plan := m.tracker.plan(m.id, m.judge.cutOff, instances, leases, c.now)
	for _, shard := range plan.giveUp {
		c.leases[shard.Partition].Owner = nil
	}
	for _, l := range plan.take {
		c.leases[l.Shard].Owner, c.leases[l.Shard].Epoch, c.leases[l.Shard].Beat = &m.id, l.Epoch+1, 0
	}
	m.held = 0
	for _, l := range c.leases {
		if l.Owner != nil && *l.Owner == m.id {
			m.held++
		}
	}
}

func (c *cluster) run(seconds int) {
	for range seconds {
		c.now = c.now.Add(time.Second)
		for _, m := range c.instances {
			c.ask(m)
			c.pass(m)
		}
	}
}

func (c *cluster) epochs() (epochs []int64) {
	for _, l := range c.leases {
		epochs = append(epochs, l.Epoch)
	}
	return epochs
}

// When Kafka comes back, some instances are answered earlier than others. No shard moves.
func TestNoShardMovesAfterKafkaWasAway(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newCluster(rapid.IntRange(2, 4).Draw(t, "instances"))
		c.run(30)
		c.events = rapid.Bool().Draw(t, "events before")
		c.run(30)
		before := c.epochs()
		for _, m := range c.instances {
			m.reaches = false
		}
		c.run(rapid.IntRange(0, 15).Draw(t, "seconds without events"))
		c.events = true
		c.run(rapid.IntRange(0, 600).Draw(t, "seconds with events"))
		left := 8 // GiveUpAfter is 10 s
		for _, m := range rapid.Permutation(c.instances).Draw(t, "order") {
			m.reaches = true
			later := rapid.IntRange(0, left).Draw(t, "seconds until the next one")
			c.run(later)
			left -= later
		}
		if c.run(60); !slices.Equal(c.epochs(), before) {
			t.Fatalf("epochs %v became %v", before, c.epochs())
		}
	})
}
