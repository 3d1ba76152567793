package serviceframe

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/postgres"
)

// waiting is a log handler that signals the first record.
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

// Migrate stops waiting for a database that is away as soon as its context is done: while it rests, and during an attempt.
func TestMigrateStopsWaiting(t *testing.T) {
	t.Parallel()
	cfg := config.Common{Database: postgres.Settings{URL: "postgres://nobody@127.0.0.1:1/none"}}
	ctx, cancel := context.WithCancel(t.Context())
	log := waiting{slog.DiscardHandler, make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() { ended <- Spec{}.Migrate(ctx, cfg, slog.New(log)) }()
	<-log.once
	cancel()
	if err := <-ended; err != context.Canceled { //nolint:errorlint // it must not wrap the error of the attempt
		t.Errorf("while it rests: %v", err)
	}
	if err := (Spec{}).Migrate(ctx, cfg, slog.New(slog.DiscardHandler)); err != context.Canceled { //nolint:errorlint // it must not wrap the error of the attempt
		t.Errorf("while it tries: %v", err)
	}
}

// Anyone may read in /readyz why the schema is not up to date. So the reason must not name users, databases or hosts.
func TestWaitingForTheSchemaShowsNoNames(t *testing.T) {
	t.Parallel()
	cfg := config.Common{Database: postgres.Settings{URL: "postgres://somebody@127.0.0.1:1/secret", MigrateOnStart: true}}
	log := waiting{slog.DiscardHandler, make(chan struct{}, 1)}
	s := newSchema(Spec{}, cfg, func(context.Context) error { return nil }, slog.New(log))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	<-log.once
	deadline := time.After(10 * time.Second)
	for !strings.Contains(s.finding().told, "waits for the database") {
		select {
		case <-deadline:
			t.Fatalf("the problem is %q", s.finding().told)
		case <-time.After(time.Millisecond):
		}
	}
	for _, name := range []string{"somebody", "secret", "127.0.0.1"} {
		if told := s.finding().told; strings.Contains(told, name) {
			t.Errorf("the problem is %q", told)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}
