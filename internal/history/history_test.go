package history_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/history"
	"github.com/monsplit/monsplit/internal/messaging/audit"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// Each version has the fields that it has changed, and only those.
func TestEachField(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.append(t.Context(), change(chair, 1, "created", "name", "Chair", "end", nil, "discontinued", false))
	err := p.inTx(t.Context(), func(r *history.Recorder) error {
		r.Seen(chair, change(chair, 1, "", "name", "Chair", "end", nil, "discontinued", false).State)
		for _, c := range []history.Change{
			change(chair, 2, "updated", "name", "<b>Sofa</b> \"é\u2028\\\x00", "end", nil, "discontinued", false),
			change(chair, 3, "discontinued", "name", "Chair", "end", "2026-12-31", "discontinued", true),
			change(chair, 4, "updated", "name", "Chair", "end", nil, "discontinued", true),
		} {
			if err := r.Append(t.Context(), c); err != nil {
				return err
			}
		}
		return r.Record(t.Context(), change(chair, 9, history.Reasserted, "name", "Chair", "end", nil, "discontinued", true))
	})
	if err != nil {
		t.Fatal(err)
	}
	p.append(t.Context(), change(desk, 1, "created", "name", "Desk", "discontinued", true), change(desk, 2, "deleted", "name", "Desk", "discontinued", false))
	want := `9 reasserted
4 updated end "2026-12-31"→null
3 discontinued name "\u003cb\u003eSofa\u003c/b\u003e \"é\u2028\\\u0000"→"Chair" end null→"2026-12-31" discontinued false→true
2 updated name "Chair"→"\u003cb\u003eSofa\u003c/b\u003e \"é\u2028\\\u0000"
1 created name null→"Chair"`
	if got := p.list(chair); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got, want := p.list(desk), "2 deleted discontinued true→false\n1 created name null→\"Desk\" discontinued null→true"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if versions, events := p.counts(); versions != 7 || events != 6 {
		t.Errorf("%d versions, %d events", versions, events)
	}
	versions, err := p.reader.List(t.Context(), history.Object{Model: "market", Key: "chair"}, history.Newest, 5)
	if err != nil || len(versions) != 0 {
		t.Errorf("another model: %v, %v", versions, err)
	}
}

// The pages of a history have each version once, the newest first.
func TestPages(t *testing.T) {
	t.Parallel()
	p := setup(t)
	var changes []history.Change
	for version := range int64(25) {
		changes = append(changes, change(chair, version+1, "updated", "n", float64(version)), change(desk, version+1, "updated", "n", "x"))
	}
	p.append(t.Context(), changes...)
	var got []int64
	for before := history.Newest; ; {
		page, err := p.reader.List(t.Context(), chair, before, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, v := range page {
			got = append(got, v.Version)
			if !v.Time.Equal(noon) || v.EventID != changes[(v.Version-1)*2].Event.ID {
				t.Errorf("version %d: %+v", v.Version, v)
			}
		}
		before = page[len(page)-1].ID
	}
	if len(got) != 25 || !slices.IsSortedFunc(got, func(a, b int64) int { return int(b - a) }) {
		t.Errorf("got %v", got)
	}
}

// A change that is rolled back leaves neither history nor an event. So does one whose history or event is refused.
func TestRolledBack(t *testing.T) {
	t.Parallel()
	p := setup(t)
	large := change(chair, 1, "created")
	large.Event.Payload = make([]byte, outbox.MaxPayload+1)
	refused, old := change(chair, 1, "created"), change(chair, 0, "created")
	refused.Kind = "\x00"
	fails := errors.New("afterwards")
	for name, tt := range map[string]struct {
		c     history.Change
		after error
		want  func(error) bool
	}{
		"Afterwards": {change(chair, 1, "created"), fails, func(err error) bool { return errors.Is(err, fails) }},
		"Large": {large, nil, func(err error) bool {
			_, is := errors.AsType[*outbox.TooLargeError](err)
			return is
		}},
		"Refused": {refused, nil, func(err error) bool {
			return err != nil && strings.Contains(err.Error(), "append events and their history")
		}},
		"NoVersion": {old, nil, func(err error) bool { return err != nil && strings.Contains(err.Error(), "versions begin at 1") }},
	} {
		err := p.inTx(t.Context(), func(r *history.Recorder) error { return errors.Join(r.Append(t.Context(), tt.c), tt.after) })
		if !tt.want(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if versions, events := p.counts(); versions != 0 || events != 0 {
		t.Errorf("%d versions, %d events", versions, events)
	}
}

// Old versions are deleted in batches. A retention of 0 keeps everything.
func TestRetention(t *testing.T) {
	t.Parallel()
	p := setup(t)
	const old = 20_500 // more than two batches
	if _, err := p.pool.Exec(t.Context(), `INSERT INTO object_history (model, key, version, kind, changed_at, actor_kind, actor, cause, event_id, fields)
		SELECT 'product', 'chair', n, 'updated', now() - CASE WHEN n <= $1 THEN interval '49 hours' ELSE interval '47 hours' END,
			'user', '', '', gen_random_uuid(), '[]' FROM generate_series(1, $1::bigint + 3) n`, old); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		retention     time.Duration
		deleted, left int64
	}{{0, 0, old + 3}, {72 * time.Hour, 0, old + 3}, {48 * time.Hour, old, 3}, {48 * time.Hour, 0, 3}} {
		n, err := history.DeleteOld(t.Context(), p.pool, history.Settings{Retention: tt.retention})
		left, _ := p.counts()
		if err != nil || n != tt.deleted || int64(left) != tt.left {
			t.Errorf("%s: deleted %d, left %d, %v; want %d and %d", tt.retention, n, left, err, tt.deleted, tt.left)
		}
	}
	if got, want := p.list(chair), "20503 updated\n20502 updated\n20501 updated"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The history of one object is erased, and the audit says so.
func TestErase(t *testing.T) {
	t.Parallel()
	p := setup(t)
	p.append(t.Context(), change(chair, 1, "created", "name", "Chair of Ann"), change(chair, 2, "updated", "name", "Chair"), change(desk, 1, "created", "name", "Desk"))
	n, err := history.Erase(t.Context(), p.pool, audit.Operator{By: "ada", Reason: "a person's name"}, chair)
	if err != nil || n != 2 {
		t.Fatalf("erased %d, %v", n, err)
	}
	if got := p.list(chair); got != "" {
		t.Errorf("left %s", got)
	}
	if got := p.list(desk); got != `1 created name null→"Desk"` {
		t.Errorf("the other object has %s", got)
	}
	actions, err := audit.List(t.Context(), p.pool, audit.Filter{Limit: 5})
	if err != nil || len(actions) != 1 {
		t.Fatalf("%+v, %v", actions, err)
	}
	if a := fmt.Sprintf("%s %s %s", actions[0].By, actions[0].Command, actions[0].Detail); a != `ada history erase {"key": "chair", "model": "product", "versions": 2}` {
		t.Errorf("the audit has %s", a)
	}
	var text string
	if err := p.pool.QueryRow(t.Context(), `SELECT coalesce(string_agg(h::text, ' '), '') FROM object_history h`).Scan(&text); err != nil || strings.Contains(text, "Ann") {
		t.Errorf("the table has %s, %v", text, err)
	}
}
