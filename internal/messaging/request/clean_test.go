package request_test

import (
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/request"
)

// A decided request is remembered for an hour here, and longer if it has not expired by then: until then, a second delivery
// would have an effect.
func TestDecidedRequestsAreForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old, alive, late := put("a", 1, "pen").known(), put("a", 2, "pad").expiring(9000).known(), put("a", 3, "ink").known()
	b.get(old, alive)
	b.clock.Store(10)
	b.get(late)
	clean := func(second int64) {
		t.Helper()
		b.clock.Store(second)
		if err := b.owner.DeleteOld(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	kept := func(a ask) bool {
		return query[bool](b, `SELECT EXISTS (SELECT FROM decided_request WHERE id = $1)`, a.id)
	}
	const hour = int64(time.Hour / time.Second)
	if clean(hour); !kept(old) {
		t.Error("the oldest request was forgotten too early")
	}
	if clean(hour + 1); kept(old) || !kept(alive) || !kept(late) {
		t.Errorf("kept: the oldest %t, the unexpired %t, the later %t", kept(old), kept(alive), kept(late))
	}
	if clean(9001); kept(alive) || kept(late) {
		t.Error("expired requests are remembered forever")
	}
	b.get(old) // it has expired long ago
	b.wantOutcomes("a", "1 accepted pen v1, 2 accepted pad v1, 3 accepted ink v1, 4 expired pen")
	b.wantChanges("put pen, put pad, put ink")
}

func TestDecidedRequestsAreForgottenInPortions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.pool.Exec(t.Context(), `INSERT INTO decided_request (id, topic, key, outcome, expires_at, decided_at)
		SELECT gen_random_uuid(), CASE WHEN n = 1 THEN 'other' ELSE $1 END, 'a', 'accepted', $2, $2 FROM generate_series(1, $3) n`,
		topic, epoch.Add(-2*time.Hour), request.DeletedAtOnce+10)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.owner.DeleteOld(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := query[string](b, `SELECT string_agg(topic, ' ') FROM decided_request`); got != "other" {
		t.Errorf("left are the requests of %s", got)
	}
}
