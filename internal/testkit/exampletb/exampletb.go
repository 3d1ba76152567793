// Package exampletb lets an Example use test helpers. Helpers need a testing.TB, and an Example gets none.
package exampletb

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// TB is a testing.TB with the methods that pgtest and kafkatest use. A failure ends the Example with a panic.
type TB struct {
	testing.TB // nil: every other method panics

	ctx      context.Context
	cancel   context.CancelFunc
	cleanups []func()
}

var _ testing.TB = (*TB)(nil)

// New returns a TB. Call CleanUp at the end of the Example.
func New() *TB {
	ctx, cancel := context.WithCancel(context.Background())
	return &TB{ctx: ctx, cancel: cancel}
}

// CleanUp does what testing does at the end of a test: it cancels the context and calls the cleanup functions.
func (t *TB) CleanUp() {
	t.cancel()
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}

// Cleanup implements testing.TB.
func (t *TB) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

// Context implements testing.TB.
func (t *TB) Context() context.Context { return t.ctx }

// Name implements testing.TB.
func (*TB) Name() string { return "Example" }

// Helper implements testing.TB.
func (*TB) Helper() {}

// Failed implements testing.TB. A TB that failed has panicked.
func (*TB) Failed() bool { return false }

// Log implements testing.TB.
func (*TB) Log(...any) {}

// Logf implements testing.TB.
func (*TB) Logf(string, ...any) {}

// Error implements testing.TB.
func (*TB) Error(args ...any) { panic(fmt.Sprint(args...)) }

// Errorf implements testing.TB.
func (*TB) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Fatal implements testing.TB.
func (*TB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Fatalf implements testing.TB.
func (*TB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
