// Package servicetest has what the tests of all services need: the address on which a service listens, and checks that its
// answers and events match its documents.
package servicetest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/monsplit/monsplit/internal/serviceframe"
)

// Log is a log handler for a service that runs with VALIDATE_RESPONSES and VALIDATE_EVENTS. It fails the test for each
// answer and each event that does not match its document.
type Log struct {
	t    testing.TB
	addr chan string
}

// NewLog returns a Log for one service. The service must end before the test does.
func NewLog(t testing.TB) *Log {
	t.Helper()
	return &Log{t: t, addr: make(chan string, 1)}
}

// Listening receives the address as soon as the service listens.
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
