package cli

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// The commands print what they change, and say what to do next.
func TestRepairs(t *testing.T) {
	t.Parallel()
	app, pool := hatter(t)
	kafka := kafkatest.New(t)
	own, other := kafka.CreateTopic(t, "own", event.Partitions), kafka.CreateTopic(t, "other", 2)
	app.OpenMessaging = func(settings, *slog.Logger) (Messaging, error) {
		return Messaging{Kafka: kafka.Client(t), Publishes: []string{own}, Consumes: []string{other}}, nil
	}
	r := call(t.Context(), app, nil, strings.Fields("consumer reset --topic="+other+" --partition=1 --to=start --dry-run")...)
	if r.code != 0 || !strings.Contains(r.out, other) || !strings.Contains(r.out, "This was a dry run. Nothing is changed.") {
		t.Errorf("%+v", r)
	}
	execSQL(t, pool, `INSERT INTO consumer_position (topic, part, next_offset, topic_id) VALUES ($1, 0, 7, gen_random_uuid())`, other)
	r = call(t.Context(), app, nil, strings.Fields("adopt --positions=start --by=ann --reason=recreated --accept-unknown-events --json")...)
	var adopted repair.Adopted
	if err := json.Unmarshal([]byte(r.out), &adopted); err != nil || r.code != 0 || len(adopted.Publishes) != event.Partitions || len(adopted.Consumes) != 2 {
		t.Errorf("%+v: %+v, %v", r, adopted, err)
	}
	r = call(t.Context(), app, nil, strings.Fields("adopt --positions=end --by=ann --reason=recreated --json")...)
	if r.code != 0 || !strings.Contains(r.out, `"publishes": []`) || !strings.Contains(r.out, `"consumes": []`) {
		t.Errorf("%+v", r)
	}
	r = call(t.Context(), app, nil, strings.Fields("adopt --positions=end --dry-run")...)
	if r.code != 0 || !strings.Contains(r.out, "All topics are the same as before.") || !strings.Contains(r.out, "This was a dry run.") {
		t.Errorf("%+v", r)
	}
	r = call(t.Context(), app, nil, strings.Fields("adopt --positions=end --accept-unknown-events --by=ann --reason=recreated")...)
	if r.code != 0 || !strings.Contains(r.out, "If "+own+" has lost events, publish them again: outbox republish --topic "+own) {
		t.Errorf("%+v", r)
	}
	r = call(t.Context(), app, nil, strings.Fields("consumer reset --topic="+own+" --to=start --reason=why")...)
	if r.code != 1 || !strings.Contains(r.err, "this service does not consume the topic") {
		t.Errorf("%+v", r)
	}
	r = call(t.Context(), app, nil, "audit", "list")
	if r.code != 0 || strings.Count(r.out, "ann  adopt") != 3 || strings.Contains(r.out, "consumer reset") {
		t.Errorf("%+v", r)
	}
}
