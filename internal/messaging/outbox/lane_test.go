//go:build !realkafka

package outbox

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/monsplit/monsplit/internal/messaging/broker"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// TestLaneKeepsVersionsInOrder runs random schedules of commits, claims, answers, marks and crashes against a lane,
// with small models of the database and the broker. In every schedule, a version is in the log only after all earlier
// versions. An event is marked sent only if it is in the log. Without a crash, no event is sent twice. In the end, all
// events have been sent.
func TestLaneKeepsVersionsInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newLaneModel()
		actions := map[string]func(*rapid.T){
			"append": w.append, "commit": w.commit, "claim": w.claim, "claimed": w.claimed, "freeze": w.freeze,
			"acknowledged": func(t *rapid.T) { w.answer(t, true, true) },
			"answer lost":  func(t *rapid.T) { w.answer(t, true, false) },
			"not written":  func(t *rapid.T) { w.answer(t, false, false) },
			"mark":         w.mark, "mark commits": w.markCommits, "marked": w.marked, "poison": w.poison, "crash": w.crash,
		}
		// Actions that make progress are drawn more often than actions that disturb it.
		names := slices.Sorted(maps.Keys(actions))
		names = append(names, "append", "append", "commit", "commit", "claim", "claimed", "freeze", "acknowledged", "acknowledged")
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 100, 600).Draw(t, "schedule") {
			if name == "crash" && rapid.IntRange(0, 9).Draw(t, "crashes") > 0 {
				continue
			}
			actions[name](t)
			w.check(t)
		}
		w.finish(t)
	})
}

// laneModel is one lane and models of the database and the broker around it. All rows are of one topic.
type laneModel struct {
	lane *lane
	// The database: the pending rows, and the rows of open transactions.
	seq      int64
	versions map[string]int64
	open     map[string]messagingdb.ClaimPendingRow // at most one transaction a key, because it locks the aggregate's row
	pending  map[int64]messagingdb.ClaimPendingRow
	blocked  map[string]bool

	snapshot []messagingdb.ClaimPendingRow // the rows that the running claim will return
	cut      bool
	claiming bool

	marking   *markJob
	committed bool

	// The broker.
	poisoned map[int64]bool
	written  bool // an earlier try has written the batch in flight
	log      map[string][]int64
	sent     map[int64]bool
	records  int
	crashed  bool
}

func newLaneModel() *laneModel {
	return &laneModel{lane: freshLane(0), versions: map[string]int64{}, open: map[string]messagingdb.ClaimPendingRow{},
		pending: map[int64]messagingdb.ClaimPendingRow{}, blocked: map[string]bool{}, poisoned: map[int64]bool{},
		log: map[string][]int64{}, sent: map[int64]bool{}}
}

func freshLane(epoch int64) *lane {
	l := newLane(lease{tp: broker.TopicPartition{Topic: "topic", Partition: 3}, epoch: epoch, producerID: 7})
	l.phase = phaseReady
	return l
}

func (w *laneModel) append(t *rapid.T) {
	key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
	if _, locked := w.open[key]; locked {
		return
	}
	w.seq++
	w.versions[key]++
	w.open[key] = messagingdb.ClaimPendingRow{Shard: 3, Seq: w.seq, Topic: "topic", Key: key, Version: w.versions[key], Payload: []byte("x")}
}

func (w *laneModel) commit(t *rapid.T) {
	if len(w.open) == 0 {
		return
	}
	key := rapid.SampledFrom(slices.Sorted(maps.Keys(w.open))).Draw(t, "key")
	w.pending[w.open[key].Seq] = w.open[key]
	delete(w.open, key)
}

// claim takes the snapshot of a claim, as the SQL statement does.
func (w *laneModel) claim(t *rapid.T) {
	if w.claiming {
		return
	}
	switch rapid.SampledFrom([]string{"sweep", "wake", "on"}).Draw(t, "from") {
	case "sweep":
		w.lane.highestAtSweep = w.lane.highestSeen
		w.lane.readFrom(0)
	case "wake":
		w.lane.readFrom(w.lane.highestAtSweep)
	}
	w.claiming, w.snapshot = true, nil
	limit := rapid.IntRange(1, 6).Draw(t, "limit")
	for _, seq := range slices.Sorted(maps.Keys(w.pending)) {
		row := w.pending[seq]
		if seq <= w.lane.readAfter || w.blocked[row.Key] || len(w.snapshot) == limit {
			continue
		}
		for _, other := range w.pending {
			if other.Key == row.Key && other.Version == row.Version-1 {
				row.PrevSeq = other.Seq
			}
		}
		w.snapshot = append(w.snapshot, row)
	}
	w.cut = len(w.snapshot) == limit
}

func (w *laneModel) claimed(t *rapid.T) {
	if !w.claiming {
		return
	}
	w.claiming = false
	w.lane.admit(w.snapshot, w.cut)
	w.lane.forget()
}

func (w *laneModel) freeze(t *rapid.T) {
	l := w.lane
	if l.inFlight != nil || len(l.queue) == 0 {
		return
	}
	w.written = false
	if err := l.freeze(rapid.IntRange(1, 5).Draw(t, "rows"), 1<<20); err != nil {
		t.Fatal(err)
	}
}

// answer is one try to send the batch in flight.
func (w *laneModel) answer(t *rapid.T, arrives, answered bool) {
	l := w.lane
	if l.inFlight == nil {
		return
	}
	if arrives && slices.ContainsFunc(l.inFlight.rows, func(r *row) bool { return w.poisoned[r.seq] }) {
		if r := l.handleRefusal(); r != nil {
			l.withdraw(r, "refused")
		}
		return
	}
	if arrives && !w.written { // the broker recognizes a repetition
		w.written = true
		for _, r := range l.inFlight.rows {
			w.write(t, r)
		}
	}
	if answered {
		l.acknowledge(0)
	} else {
		l.retryLater(time.Time{}, time.Second, time.Second)
	}
}

func (w *laneModel) write(t *rapid.T, r *row) {
	version := w.version(r.seq)
	highest := int64(0)
	for _, v := range w.log[r.key] {
		highest = max(highest, v)
	}
	if version > highest+1 {
		t.Fatalf("version %d of %s is in the log without version %d", version, r.key, highest+1)
	}
	w.log[r.key] = append(w.log[r.key], version)
	w.sent[r.seq] = true
	w.records++
}

func (w *laneModel) version(seq int64) int64 { return w.pending[seq].Version }

func (w *laneModel) mark(t *rapid.T) {
	l := w.lane
	if w.marking != nil || len(l.acked)+len(l.blocked) == 0 {
		return
	}
	n := rapid.IntRange(0, len(l.acked)).Draw(t, "rows")
	w.marking = &markJob{lane: l, rows: slices.Clone(l.acked[:n]), blocked: l.blocked}
	l.acked, l.blocked, w.committed = slices.Delete(l.acked, 0, n), nil, false
}

func (w *laneModel) markCommits(t *rapid.T) {
	if w.marking == nil || w.committed {
		return
	}
	w.committed = true
	for _, r := range w.marking.rows {
		if !w.sent[r.seq] {
			t.Fatalf("%s version %d is marked sent before it is in the log", r.key, w.version(r.seq))
		}
		delete(w.pending, r.seq)
	}
	for _, b := range w.marking.blocked {
		w.blocked[b.key] = true
	}
}

func (w *laneModel) marked(t *rapid.T) {
	if w.marking == nil || !w.committed {
		return
	}
	w.lane.rowCount -= len(w.marking.rows)
	w.lane.settle(w.marking.rows, w.claiming)
	for _, b := range w.marking.blocked {
		w.lane.settle(b.rows, w.claiming)
	}
	w.marking = nil
}

// poison makes the broker refuse a row that is not written yet. If there already is one, it makes the broker accept it.
func (w *laneModel) poison(t *rapid.T) {
	if len(w.poisoned) > 0 {
		w.heal()
		return
	}
	var unsent []int64
	for seq := range w.pending {
		if !w.sent[seq] {
			unsent = append(unsent, seq)
		}
	}
	if len(unsent) == 0 {
		return
	}
	slices.Sort(unsent)
	w.poisoned[rapid.SampledFrom(unsent).Draw(t, "row")] = true
}

func (w *laneModel) heal() {
	clear(w.poisoned)
	clear(w.blocked)
}

// crash forgets everything except the database and the log. Each running operation has happened or has not.
func (w *laneModel) crash(t *rapid.T) {
	if w.lane.inFlight != nil && rapid.Bool().Draw(t, "flight arrives") {
		w.answer(t, true, false)
	}
	if w.marking != nil && !w.committed && rapid.Bool().Draw(t, "mark commits") {
		w.markCommits(t)
	}
	w.lane, w.claiming, w.marking, w.crashed = freshLane(w.lane.epoch+1), false, nil, true
}

func (w *laneModel) check(t *rapid.T) {
	if !w.crashed && w.records != len(w.sent) {
		t.Fatalf("%d records for %d events: something was sent twice", w.records, len(w.sent))
	}
	kept, bytes := len(w.lane.acked), 0
	if w.marking != nil {
		kept += len(w.marking.rows)
	}
	rows := w.lane.queue
	if w.lane.inFlight != nil {
		rows = slices.Concat(w.lane.inFlight.rows, rows)
	}
	for _, r := range rows {
		kept++
		bytes += r.size
	}
	if kept != w.lane.rowCount || bytes != w.lane.payloadBytes {
		t.Fatalf("the lane counts %d rows and %d bytes, and has %d and %d", w.lane.rowCount, w.lane.payloadBytes, kept, bytes)
	}
}

// finish runs until all events are sent, and checks the result.
func (w *laneModel) finish(t *rapid.T) {
	w.heal()
	for key := range maps.Clone(w.open) {
		w.pending[w.open[key].Seq] = w.open[key]
		delete(w.open, key)
	}
	for range 1000 {
		if len(w.pending) == 0 && w.marking == nil {
			break
		}
		w.heal()
		w.settleAll(t)
	}
	for key, highest := range w.versions {
		log := w.log[key]
		if len(log) == 0 || log[len(log)-1] != highest {
			t.Fatalf("the log of %s ends before version %d: %v", key, highest, log)
		}
	}
	if len(w.pending) > 0 {
		t.Fatalf("never sent: %v", slices.Sorted(maps.Keys(w.pending)))
	}
}

// settleAll performs each possible action once.
func (w *laneModel) settleAll(t *rapid.T) {
	if w.lane.inFlight != nil {
		w.answer(t, true, true)
	} else if len(w.lane.queue) > 0 {
		w.freeze(t)
	}
	switch {
	case w.marking == nil && len(w.lane.acked)+len(w.lane.blocked) > 0:
		w.mark(t)
	case w.marking != nil && !w.committed:
		w.markCommits(t)
	case w.marking != nil:
		w.marked(t)
	}
	if w.claiming {
		w.claimed(t)
	} else {
		w.lane.readFrom(0)
		w.claim(t)
	}
	w.check(t)
}
