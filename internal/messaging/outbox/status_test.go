package outbox

import (
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// The status of a huge backlog is read as fast as that of a large one.
func TestAHugeBacklogIsCountedInPart(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, messagingMigrations())
	for _, step := range []struct {
		statement string
		pending   int64
		more      bool
	}{
		{`INSERT INTO outbox_pending (shard, seq, topic, key, version) SELECT n % 12, n, 't', n::text, 1 FROM generate_series(1, 100001) n`, mostCounted, true},
		{`DELETE FROM outbox_pending WHERE seq = 7`, mostCounted, false},
		{`DELETE FROM outbox_pending WHERE seq > 7`, 6, false},
	} {
		if _, err := pool.Exec(t.Context(), step.statement); err != nil {
			t.Fatal(err)
		}
		s, err := ReadStatus(t.Context(), pool)
		if err != nil || s.Pending != step.pending || s.PendingMore != step.more {
			t.Errorf("after %s: %d pending, more: %t, %v", step.statement, s.Pending, s.PendingMore, err)
		}
	}
}

// When the status cannot be read, the metrics keep their old values, and the relay says so.
func TestAnUnreadableStatusIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.pool.Exec(t.Context(), `CREATE TABLE outbox_event_x PARTITION OF outbox_event FOR VALUES FROM (90000001) TO (90000002)`); err != nil {
		t.Fatal(err)
	}
	relay := b.start("a")
	kafkatest.Eventually(t, "the relay tells it", func() bool { return strings.Contains(relay.State().Troubles["status"], "outbox_event_x") })
}
