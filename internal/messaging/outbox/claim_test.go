//go:build !realkafka

package outbox

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// TestClaimNeedsTheLease: who has lost a shard reads nothing of it any more.
func TestClaimNeedsTheLease(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(versions(b.products, "a", 1, 3)...)
	shard := int16(b.partition(b.products, "a").Partition)
	q, me := messagingdb.New(b.pool), uuid.New()
	lease, err := q.TakeLease(t.Context(), messagingdb.TakeLeaseParams{Shard: shard, Owner: me})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		owner uuid.UUID
		epoch int64
		low   int64
		want  []int64 // sequence numbers of predecessors, of the rows that come
	}{
		"the holder":           {me, lease.Epoch, 0, []int64{0, 1, 2}},
		"after the first row":  {me, lease.Epoch, 1, []int64{1, 2}},
		"an earlier epoch":     {me, lease.Epoch - 1, 0, nil},
		"a later epoch":        {me, lease.Epoch + 1, 0, nil},
		"somebody else":        {uuid.New(), lease.Epoch, 0, nil},
		"beyond the last row":  {me, lease.Epoch, 3, nil},
		"nobody in particular": {uuid.Nil, lease.Epoch, 0, nil},
	} {
		rows, err := q.ClaimPending(t.Context(), messagingdb.ClaimPendingParams{Shards: []int16{shard}, Epochs: []int64{c.epoch},
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

func TestRowWaitsForItsPredecessor(t *testing.T) {
	t.Parallel()
	row := func(seq, version, prevSeq int64) messagingdb.ClaimPendingRow {
		return messagingdb.ClaimPendingRow{Seq: seq, Topic: "topic", Key: "a", Version: version, PrevSeq: prevSeq}
	}
	l := freshLane(1)
	// Version 1 is pending below the place that was read from; version 3's predecessor was read, but waits.
	if in := l.admit([]messagingdb.ClaimPendingRow{row(20, 2, 10), row(30, 3, 20)}, false); in.queued != 0 || in.held != 2 {
		t.Fatalf("took up %d and held %d, want 0 and 2", in.queued, in.held)
	}
	if in := l.admit([]messagingdb.ClaimPendingRow{row(10, 1, 0), row(20, 2, 10), row(30, 3, 20)}, false); in.queued != 3 {
		t.Fatalf("took up %d, want all 3", in.queued)
	}
	if in := l.admit([]messagingdb.ClaimPendingRow{row(20, 2, 10), row(40, 4, 30)}, false); in.queued != 1 {
		t.Fatalf("took up %d, want the new one", in.queued)
	}
	// The aggregate backs off. A claim that began before returns its next version.
	l.withdraw(l.streams[0], l.rows[10], "refused")
	if in := l.admit([]messagingdb.ClaimPendingRow{row(50, 5, 40)}, false); in.queued != 0 || in.held != 1 {
		t.Fatalf("took up %d and held %d of an aggregate that backs off, want 0 and 1", in.queued, in.held)
	}
}

// TestForgetsOnlyWhatNoClaimCanReturn: a claim's snapshot is older than a mark that commits while it is under way.
func TestForgetsOnlyWhatNoClaimCanReturn(t *testing.T) {
	t.Parallel()
	l := freshLane(1)
	row := messagingdb.ClaimPendingRow{Seq: 10, Topic: "topic", Key: "a", Version: 1}
	l.admit([]messagingdb.ClaimPendingRow{row}, false)
	if err := l.streams[0].freeze(10, 1000); err != nil {
		t.Fatal(err)
	}
	sent := l.acknowledge(l.streams[0])
	l.settle(sent, true) // while the claim is under way
	if in := l.admit([]messagingdb.ClaimPendingRow{row}, false); in.queued != 0 {
		t.Error("an event that was sent is taken up again")
	}
	l.forget()
	if len(l.rows) != 0 {
		t.Error("nothing is forgotten")
	}
}
