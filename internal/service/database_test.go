package service

import (
	"context"
	"log/slog"
	"testing"

	"github.com/monsplit/monsplit/internal/config"
)

// waiting is a log handler that tells of the first record.
type waiting struct {
	slog.Handler
	once chan struct{}
}

func (waiting) Enabled(context.Context, slog.Level) bool { return true }
func (w waiting) Handle(context.Context, slog.Record) error {
	select {
	case w.once <- struct{}{}:
	default:
	}
	return nil
}

// Who waits for a database that is away can be told to stop, at whatever the wait is just about.
func TestMigrateStopsWaiting(t *testing.T) {
	t.Parallel()
	cfg := config.Service{DatabaseURL: "postgres://nobody@127.0.0.1:1/none"}
	ctx, cancel := context.WithCancel(t.Context())
	log := waiting{slog.DiscardHandler, make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() { ended <- Spec{}.Migrate(ctx, cfg, slog.New(log)) }()
	<-log.once
	cancel()
	if err := <-ended; err != context.Canceled { //nolint:errorlint // nothing of the attempt is told
		t.Errorf("while it rests: %v", err)
	}
	if err := (Spec{}).Migrate(ctx, cfg, slog.New(slog.DiscardHandler)); err != context.Canceled { //nolint:errorlint // likewise
		t.Errorf("while it tries: %v", err)
	}
}
