package wakeup

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/monsplit/monsplit/internal/delay"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Run looks for all waiters until ctx is done. Errors of the database are logged and tried again; they do not end Run.
func (w *Waiters) Run(ctx context.Context) error {
	var listening sync.WaitGroup
	listening.Go(func() { w.listen(ctx) })
	defer listening.Wait()
	l := looker{Waiters: w}
	timer := time.NewTimer(w.cfg.Poll)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.kicked:
		case <-w.notified:
			l.armed = false
		case <-timer.C:
		}
		if !delay.For(ctx, time.Until(l.restUntil)) {
			return nil
		}
		timer.Reset(l.pass(ctx))
	}
}

// looker is the state of Run's loop.
type looker struct {
	*Waiters
	restUntil time.Time // before then it does not look again
	armedAt   time.Time // last try
	armed     bool      // false if the channel is certainly or maybe not armed
	failing   bool
}

// pass looks for all waiters and arms the channel for those that are left. It returns the time until the next pass, if
// nothing tells of a change before.
func (l *looker) pass(ctx context.Context) time.Duration {
	now := time.Now()
	err := l.look(ctx)
	if l.Waiting() == 0 {
		return l.cfg.Poll
	}
	l.armed = l.armed && now.Before(l.armedAt.Add(l.cfg.Poll))
	if err == nil && !l.armed && !now.Before(l.armedAt.Add(l.cfg.ArmEvery)) {
		now = time.Now()
		l.armedAt = now
		err = l.arm(ctx)
		l.armed = err == nil
	}
	l.report(ctx, err)
	switch {
	case err != nil:
		return l.cfg.Retry
	case now.Before(l.armedAt.Add(l.cfg.ArmEvery)):
		return l.armedAt.Add(l.cfg.ArmEvery).Sub(now)
	default:
		// A transaction whose trigger ran before the arm may still be committing. Usually it has only moments to go, so the times
		// between the looks double.
		return min(now.Sub(l.armedAt), l.armedAt.Add(l.cfg.Poll).Sub(now))
	}
}

// restFactor is how much longer than a look the rest after it is. So with many callers or a slow database, looking takes at
// most a third of the time of one connection. With few callers, the rest is too short to delay their answers.
const restFactor = 2

// look asks once for each kind that callers wait for.
func (l *looker) look(ctx context.Context) error {
	began := time.Now()
	defer func() {
		ended := time.Now()
		l.restUntil = ended.Add(min(restFactor*ended.Sub(began), l.cfg.MaxRest))
	}()
	for kind, ids := range l.wanted() {
		l.metrics.looks.Inc()
		versions, err := l.ask(ctx, l.lookups[kind], ids)
		if err != nil {
			return fmt.Errorf("look up the versions of %q: %w", kind, err)
		}
		l.release(kind, versions)
	}
	return nil
}

func (l *looker) ask(ctx context.Context, lookup Lookup, ids []string) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	return lookup(ctx, ids)
}

func (l *looker) arm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	l.metrics.arms.Inc()
	if err := messagingdb.New(l.pool).ArmWakeChannel(ctx, l.cfg.Channel); err != nil {
		return fmt.Errorf("arm the channel %s: %w", l.cfg.Channel, err)
	}
	return nil
}

// report logs the first of several errors in a row, and their end.
func (l *looker) report(ctx context.Context, err error) {
	if ctx.Err() != nil || l.failing == (err != nil) {
		return
	}
	l.failing = err != nil
	if l.failing {
		l.log.LogAttrs(ctx, slog.LevelWarn, "waiting requests are not answered until the database can be read", slog.Any("error", err))
	} else {
		l.log.LogAttrs(ctx, slog.LevelInfo, "waiting requests are answered again")
	}
}
