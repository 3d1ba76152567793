package cli

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

func TestPauseOutbox(t *testing.T) {
	t.Parallel()
	app, pool := hatter(t)
	kafka := kafkatest.New(t)
	kafka.Stop() // the commands need the database only
	app.OpenMessaging = func(settings, *slog.Logger) (Messaging, error) {
		return Messaging{Kafka: kafka.Client(t), Publishes: []string{"hats", "caps"}}, nil
	}
	for _, tt := range []struct {
		line string
		code int
		want string
	}{
		{"pause --topic=coats --reason=x", 1, `this service does not publish the topic "coats". It publishes hats, caps`},
		{"resume --topic=coats", 1, `this service does not publish the topic "coats"`},
		{"resume", 0, "there is nothing to resume"},
		{"pause --topic=hats --dry-run", 0, "This was a dry run."},
		{"status --json", 0, `"paused": []`},
		{"pause --topic=hats --reason=moving --by=ann", 0, "hats"},
		{"pause --topic=hats --reason=again --by=ann", 0, "there is nothing to pause"},
		{"status", 0, "moving (ann)"},
		{"pause --reason=moving --by=ann --json", 0, `"topic": ""`},
		{"status", 0, "(all)"},
		{"resume --topic=hats", 1, "the whole outbox is paused"},
		{"status --json", 0, `"topic": "hats"`},
		{"resume --by=ann", 0, "hats"},
		{"resume --json", 0, "[]"},
		{"status --json", 0, `"paused": []`},
	} {
		r := call(t.Context(), app, nil, append([]string{"outbox"}, strings.Fields(tt.line)...)...)
		if r.code != tt.code || !strings.Contains(r.out+r.err, tt.want) {
			t.Errorf("%s: %+v, want %q", tt.line, r, tt.want)
		}
	}
	var commands string
	if err := pool.QueryRow(t.Context(), `SELECT string_agg(command, ', ' ORDER BY id) FROM operator_action WHERE by_whom = 'ann'`).Scan(&commands); err != nil ||
		commands != "outbox pause, outbox pause, outbox pause, outbox resume" {
		t.Errorf("recorded %q, %v", commands, err)
	}
}
