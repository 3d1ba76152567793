package wakeup_test

import (
	"context"
	"fmt"
	"testing"
)

// exampleTB is a testing.TB for the Example, which gets none. It has the methods that pgtest uses.
type exampleTB struct {
	testing.TB // nil: every other method panics

	ctx      context.Context
	cancel   context.CancelFunc
	cleanups []func()
}

func newExampleTB() *exampleTB {
	ctx, cancel := context.WithCancel(context.Background())
	return &exampleTB{ctx: ctx, cancel: cancel}
}

func (*exampleTB) Helper()                           {}
func (*exampleTB) Name() string                      { return "Example" }
func (t *exampleTB) Context() context.Context        { return t.ctx }
func (t *exampleTB) Cleanup(f func())                { t.cleanups = append(t.cleanups, f) }
func (*exampleTB) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (*exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// cleanUp does at the end of the Example what testing does at the end of a test.
func (t *exampleTB) cleanUp() {
	t.cancel()
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
