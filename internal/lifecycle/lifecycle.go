// Package lifecycle runs the long-lived parts of a service and stops them in the one order that loses nothing.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"
)

// Part is one long-lived piece of a service. Run blocks until its context is done, finishes what it has in hand and
// returns nil; if it returns by itself, the whole service stops.
type Part struct {
	Name string
	Run  func(ctx context.Context) error
}

// Run starts the parts in order, and stops them in reverse, each one fully before the next is told to: list what others
// depend on first. It returns when ctx is done or a part has ended by itself, at the latest grace after that.
func Run(ctx context.Context, grace time.Duration, parts ...Part) error {
	// The parts outlive ctx: they end in turn, when they are told to.
	base, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	ended := make(chan struct{}, len(parts))
	runs := make([]run, len(parts))
	for i, part := range parts {
		runs[i] = start(base, part, ended)
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	limit := time.NewTimer(grace)
	defer limit.Stop()
	var errs []error
	for i := len(runs) - 1; i >= 0; i-- {
		runs[i].stop()
		select {
		case err := <-runs[i].result:
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", parts[i].Name, err))
			}
		case <-limit.C:
			return errors.Join(append(errs, fmt.Errorf("%s: still running %s after the stop began", parts[i].Name, grace))...)
		}
	}
	return errors.Join(errs...)
}

// After returns a Part's Run that begins once the channel is closed.
func After(begin <-chan struct{}, run func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-begin:
			return run(ctx)
		}
	}
}

type run struct {
	stop   context.CancelFunc
	result chan error
}

func start(base context.Context, part Part, ended chan<- struct{}) run {
	ctx, stop := context.WithCancel(base)
	r := run{stop: stop, result: make(chan error, 1)}
	go func() {
		err := guarded(ctx, part)
		switch {
		case err == nil && ctx.Err() == nil:
			err = errors.New("ended without being told to")
		case errors.Is(err, context.Canceled) && ctx.Err() != nil:
			err = nil
		}
		r.result <- err
		ended <- struct{}{}
	}()
	return r
}

// guarded turns a panic into an error, so that the other parts are stopped in order.
func guarded(ctx context.Context, part Part) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return part.Run(ctx)
}

// OnSignal returns a context that SIGINT and SIGTERM end. The second signal ends the process at once, for somebody who
// does not want to wait for a clean stop.
func OnSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
			signal.Stop(signals)
			return
		}
		s := <-signals
		signal.Stop(signals)
		os.Exit(128 + int(s.(syscall.Signal)))
	}()
	return ctx, cancel
}
