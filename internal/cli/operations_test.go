package cli

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/caller"
)

// What a command changes is made by the command, and by its operator if it has one.
func TestCommandsSayWhoMakesTheirChanges(t *testing.T) {
	t.Parallel()
	app, _ := hatter(t)
	open := app.OpenOperations
	var who caller.Caller
	app.OpenOperations = func(ctx context.Context, cfg settings, log *slog.Logger) (Operations, error) {
		who = caller.From(ctx)
		return open(ctx, cfg, log)
	}
	app.OpenMessaging = func(settings, *slog.Logger) (Messaging, error) { return Messaging{}, context.Canceled }
	for args, want := range map[string]string{
		"outbox republish --by=ann --reason=why":                  "command ann: outbox republish",
		"outbox reassert --lost=recover --by=ann --reason=why":    "command ann: outbox reassert",
		"adopt --positions=end --by=ann --reason=why":             "command ann: adopt",
		"dead-letters replay 7 --by=ann --reason=why":             "command ann: dead-letters replay",
		"consumer reset --topic=t --to=start --by=a --reason=why": "command a: consumer reset",
	} {
		who = caller.Caller{}
		if r := call(t.Context(), app, nil, strings.Fields(args)...); r.code == 2 || who.String() != want {
			t.Errorf("%s: %s, want %s; %+v", args, who, want, r)
		}
	}
}
