//go:build !realkafka

package outbox

import (
	"fmt"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

func TestListEvents(t *testing.T) {
	t.Parallel()
	b := &bundle{t: t, pool: pgtest.New(t, messagingMigrations())}
	b.append(versions("a", "one", 1, 2)...)
	b.append(versions("b", "one", 1, 1)...)
	b.append(versions("b", "two", 1, 1)...)
	if _, err := b.pool.Exec(t.Context(), `DELETE FROM outbox_pending WHERE topic = 'a'`); err != nil {
		t.Fatal(err)
	}
	const a1, a2, b1, b2 = "1 a one 1 true", "2 a one 2 true", "3 b one 1 false", "4 b two 1 false"
	tests := map[string]struct {
		filter EventFilter
		want   []string
	}{
		"All":        {EventFilter{Limit: 10}, []string{b2, b1, a2, a1}},
		"Newest":     {EventFilter{Limit: 2}, []string{b2, b1}},
		"Before":     {EventFilter{Before: 3, Limit: 1}, []string{a2}},
		"Topic":      {EventFilter{Topic: "a", Limit: 10}, []string{a2, a1}},
		"Key":        {EventFilter{Key: "one", Limit: 10}, []string{b1, a2, a1}},
		"Both":       {EventFilter{Topic: "b", Key: "one", Limit: 10}, []string{b1}},
		"Pending":    {EventFilter{Pending: true, Limit: 10}, []string{b2, b1}},
		"PendingKey": {EventFilter{Pending: true, Topic: "b", Key: "one", Limit: 10}, []string{b1}},
		"PendingOld": {EventFilter{Pending: true, Before: 4, Limit: 10}, []string{b1}},
		"None":       {EventFilter{Topic: "c", Limit: 10}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := ListEvents(t.Context(), b.pool, tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range events {
				got = append(got, fmt.Sprint(e.Seq, " ", e.Topic, " ", e.Key, " ", e.Version, " ", e.Sent))
				if e.Type != "test.v1" || e.Time.IsZero() {
					t.Errorf("%+v", e)
				}
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
