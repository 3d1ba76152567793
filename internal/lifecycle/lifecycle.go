// Package lifecycle runs the long-lived parts of a service, and stops them in an order in which nothing is lost.
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

// Part is one long-lived part of a service. Run blocks until its context is done, finishes its current work and returns
// nil. If Run returns earlier, the whole service stops.
type Part struct {
	Name string
	Run  func(ctx context.Context) error
}

// Run starts the parts in order. When ctx is done or a part has ended by itself, it stops them in reverse order: it waits
// until a part has ended before it stops the next. So a part must come after the parts that it depends on. Run returns
// when all parts have ended, or when grace has passed since the stop began.
func Run(ctx context.Context, grace time.Duration, parts ...Part) error {
	// The parts must not end with ctx: Run stops them one after the other.
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

// After returns a function for Part.Run that waits until the channel is closed and then calls run.
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
			err = errors.New("ended before it was stopped")
		case errors.Is(err, context.Canceled) && ctx.Err() != nil:
			err = nil
		}
		r.result <- err
		ended <- struct{}{}
	}()
	return r
}

// guarded turns a panic into an error, so that Run can stop the other parts in order.
func guarded(ctx context.Context, part Part) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return part.Run(ctx)
}

// OnSignal returns a context that ends with SIGINT or SIGTERM. A second signal ends the process at once, for users who do
// not want to wait for a clean stop.
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
