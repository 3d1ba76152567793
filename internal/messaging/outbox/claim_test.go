//go:build !realkafka

package outbox

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// TestClaimNeedsTheLease: an instance that has lost a shard can no longer read its rows.
func TestClaimNeedsTheLease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(versions(b.products, "a", 1, 3)...)
	shard := int16(b.partition(b.products, "a").Partition)
	q, me := messagingdb.New(b.pool), uuid.New()
	lease := b.takeLease(b.products, shard, me)
	for name, c := range map[string]struct {
		owner uuid.UUID
		epoch int64
		low   int64
		want  []int64 // sequence numbers of the predecessors of the rows that are returned
	}{
		"the holder":          {me, lease.epoch, 0, []int64{0, 1, 2}},
		"after the first row": {me, lease.epoch, 1, []int64{1, 2}},
		"an earlier epoch":    {me, lease.epoch - 1, 0, nil},
		"a later epoch":       {me, lease.epoch + 1, 0, nil},
		"another instance":    {uuid.New(), lease.epoch, 0, nil},
		"beyond the last row": {me, lease.epoch, 3, nil},
		"the zero id":         {uuid.Nil, lease.epoch, 0, nil},
	} {
		rows, err := q.ClaimPending(t.Context(), messagingdb.ClaimPendingParams{Topics: []string{b.products}, Shards: []int16{shard}, Epochs: []int64{c.epoch},
			Lows: []int64{c.low}, Owner: c.owner, MaxRows: 10, MaxBytes: 1000})
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, r := range rows {
			got = append(got, r.PrevSeq)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s gets rows with predecessors %v, want %v", name, got, c.want)
		}
	}
}

// TestRowWaitsForItsPredecessor replays H12 late commit in one lane.
func TestRowWaitsForItsPredecessor(t *testing.T) {
	t.Parallel()
	row := func(seq, version, prevSeq int64) messagingdb.ClaimPendingRow {
		return messagingdb.ClaimPendingRow{Seq: seq, Topic: "topic", Key: "a", Version: version, PrevSeq: prevSeq}
	}
	l := freshLane(1)
	// Version 1 is pending, below the place that the claim read from. Version 2 is skipped, so version 3 is skipped too.
	if in := l.admit([]messagingdb.ClaimPendingRow{row(20, 2, 10), row(30, 3, 20)}, false); in.queued != 0 || in.skipped != 2 {
		t.Fatalf("queued %d and skipped %d, want 0 and 2", in.queued, in.skipped)
	}
	if in := l.admit([]messagingdb.ClaimPendingRow{row(10, 1, 0), row(20, 2, 10), row(30, 3, 20)}, false); in.queued != 3 {
		t.Fatalf("queued %d, want all 3", in.queued)
	}
	if in := l.admit([]messagingdb.ClaimPendingRow{row(20, 2, 10), row(40, 4, 30)}, false); in.queued != 1 {
		t.Fatalf("queued %d, want only the new row", in.queued)
	}
	// The aggregate is withdrawn. A claim that began before returns its next version.
	l.withdraw(l.rows[10], "refused")
	if in := l.admit([]messagingdb.ClaimPendingRow{row(50, 5, 40)}, false); in.queued != 0 || in.skipped != 1 {
		t.Fatalf("queued %d and skipped %d of a withdrawn aggregate, want 0 and 1", in.queued, in.skipped)
	}
}

// TestForgetsOnlyRowsThatNoClaimCanReturn: while a claim runs, a mark commits. The claim's snapshot still has the marked
// row.
func TestForgetsOnlyRowsThatNoClaimCanReturn(t *testing.T) {
	t.Parallel()
	l := freshLane(1)
	row := messagingdb.ClaimPendingRow{Seq: 10, Topic: "topic", Key: "a", Version: 1}
	l.admit([]messagingdb.ClaimPendingRow{row}, false)
	if err := l.freeze(10, 1000); err != nil {
		t.Fatal(err)
	}
	sent := l.acknowledge(0)
	l.settle(sent, true) // while a claim is running
	if in := l.admit([]messagingdb.ClaimPendingRow{row}, false); in.queued != 0 {
		t.Error("a sent event is queued again")
	}
	l.forget()
	if len(l.rows) != 0 {
		t.Error("the row is not forgotten")
	}
}
