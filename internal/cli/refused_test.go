package cli

import (
	"strings"
	"testing"
)

// The event that Kafka refuses is tried again, and then given up.
func TestRefusedEvents(t *testing.T) {
	t.Parallel()
	app, pool := hatter(t)
	execSQL(t, pool, `WITH e AS (INSERT INTO outbox_event (shard, event_id, topic, key, version, prev, type, payload)
		VALUES (0, gen_random_uuid(), 'hats', 'bowler', 2, 1, 'test.hat.updated.v1', '{}') RETURNING shard, seq, topic, key, version)
		INSERT INTO outbox_pending (shard, seq, topic, key, version) SELECT * FROM e`)
	execSQL(t, pool, `INSERT INTO outbox_blocked VALUES ('hats', 'bowler', 3, now() + interval '1 hour', 'message too large')`)
	for _, tt := range []struct {
		line string
		code int
		want string
	}{
		{"discard --topic=hats", 2, "--topic and --key are needed"},
		{"discard --topic=hats --key=bowler", 2, "--reason has to say why"},
		{"retry --by=", 2, "--by has to say who does it"},
		{"retry --topic=caps", 0, "no event is refused"},
		{"retry --dry-run", 0, "This was a dry run."},
		{"retry --json", 0, `"key": "bowler"`},
		{"retry", 0, "hats   bowler  3             message too large"},
		{"discard --topic=hats --key=fez --reason=x", 1, "no event of this key is refused"},
		{"discard --topic=hats --key=bowler --dry-run", 0, "This was a dry run."},
		{"discard --topic=hats --key=bowler --reason=huge", 0, "discarded: test.hat.updated.v1 of bowler, version 2"},
		{"discard --topic=hats --key=bowler --reason=huge", 1, "no event of this key is refused"},
		{"list", 0, "discarded"},
	} {
		r := call(t.Context(), app, nil, append([]string{"outbox"}, strings.Fields(tt.line)...)...)
		if r.code != tt.code || !strings.Contains(r.out+r.err, tt.want) {
			t.Errorf("%s: %+v, want %q", tt.line, r, tt.want)
		}
	}
	var commands string
	if err := pool.QueryRow(t.Context(), `SELECT string_agg(command, ', ' ORDER BY id) FROM operator_action`).Scan(&commands); err != nil ||
		commands != "outbox retry, outbox retry, outbox retry, outbox discard" {
		t.Errorf("recorded %q, %v", commands, err)
	}
}
