// Package servicetest knows what every test of a whole service asks for beside its own subject: where the service
// listens, and that its answers and its events are those that its documents describe.
package servicetest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/monsplit/monsplit/internal/serviceframe"
)

// Log is a log handler for a service that runs with VALIDATE_RESPONSES and VALIDATE_EVENTS. An answer or an event that its
// document does not describe fails the test.
type Log struct {
	t    testing.TB
	addr chan string
}

// NewLog returns one for one service, which has to end before the test does.
func NewLog(t testing.TB) *Log {
	t.Helper()
	return &Log{t: t, addr: make(chan string, 1)}
}

// Listening gives the address once the service listens.
func (l *Log) Listening() <-chan string { return l.addr }

// Enabled implements slog.Handler.
func (l *Log) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs implements slog.Handler.
func (l *Log) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l *Log) WithGroup(string) slog.Handler { return l }

// Handle implements slog.Handler.
func (l *Log) Handle(_ context.Context, r slog.Record) error {
	switch r.Message {
	case "listening":
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "addr" {
				l.addr <- a.Value.String()
			}
			return true
		})
	case serviceframe.UndescribedAnswer, serviceframe.UndescribedEvent:
		r.Attrs(func(a slog.Attr) bool {
			l.t.Errorf("%s: %s: %v", r.Message, a.Key, a.Value)
			return true
		})
	}
	return nil
}
