package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/httpserver"
	"github.com/monsplit/monsplit/internal/messaging/embeddedbroker"
	"github.com/monsplit/monsplit/internal/pgserver"
)

const (
	readyPatience = 30 * time.Second
	stopPatience  = 10 * time.Second
)

// system is everything that runs beside the victims and the attacker.
type system struct {
	services        []*service
	attacked, other *service
	database        *pgx.Conn // on the database of the attacked service
	rows            int
	closers         []func(ctx context.Context) error // in the order of the starts
}

// startSystem builds and starts the services with their default settings, and fills their databases. Then turnTo says which one
// is attacked.
func startSystem(ctx context.Context, form form, say func(step string)) (s *system, err error) {
	s = &system{rows: form.rows}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop(ctx))
		}
	}()
	dir, err := os.MkdirTemp("", "monsplit-stress-")
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, func(context.Context) error { return os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL may run as another user
		return s, err
	}
	say("building the services")
	build := exec.CommandContext(ctx, "go", "build", "-o", dir+string(filepath.Separator), "./cmd/monolith", "./cmd/catalog")
	if out, err := build.CombinedOutput(); err != nil {
		return s, fmt.Errorf("go build: %w\n%s", err, out)
	}
	server, err := pgserver.Start(ctx, pgserver.Options{DataDir: filepath.Join(dir, "postgres"), Durable: true, Trust: true,
		Settings: map[string]string{"track_commit_timestamp": "on"}, Progress: say})
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, server.Stop)
	broker, err := embeddedbroker.Start(ctx, embeddedbroker.Options{})
	if err != nil {
		return s, err
	}
	s.closers = append(s.closers, broker.Stop)
	say("starting the services")
	for _, name := range []string{monolith, catalog} {
		if err := server.CreateDatabase(ctx, name); err != nil {
			return s, err
		}
		one, err := startService(ctx, dir, name, server.URL(name), broker.Addr())
		if err != nil {
			return s, err
		}
		s.closers = append(s.closers, one.stop)
		s.services = append(s.services, one)
	}
	for _, one := range s.services {
		if err := one.awaitReady(ctx); err != nil {
			return s, err
		}
	}
	say(fmt.Sprintf("filling the tables with %d products", form.rows))
	return s, seed(ctx, server.URL(monolith), server.URL(catalog), form.rows)
}

// turnTo makes a service the attacked one.
func (s *system) turnTo(ctx context.Context, name string) (err error) {
	s.attacked, s.other = s.services[0], s.services[1]
	if s.attacked.name != name {
		s.attacked, s.other = s.other, s.attacked
	}
	if s.database, err = pgx.Connect(ctx, s.attacked.database); err != nil {
		return err
	}
	s.closers = append(s.closers, s.database.Close)
	return nil
}

// stop ends everything in the reverse order of the starts.
func (s *system) stop(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*stopPatience)
	defer cancel()
	for i := len(s.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, s.closers[i](ctx))
	}
	s.closers = nil
	return err
}

// awaitReady waits until the service reports that all its parts are ready.
func (s *service) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		said, err := httpserver.AskReadiness(ctx, s.addr)
		if err == nil && said.Ready() {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.done:
			return fmt.Errorf("%s has ended:\n%s", s.name, s.logTail())
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("%s is not ready: %s", s.name, said), err)
		}
	}
}
