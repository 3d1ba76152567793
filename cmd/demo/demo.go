package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/telemetry"
	"github.com/monsplit/monsplit/services/catalog"
	"github.com/monsplit/monsplit/services/monolith"
)

// The stop has ten seconds: the services' grace, then PostgreSQL's.
const (
	servicesGrace = 4 * time.Second
	postgresGrace = 4 * time.Second
)

// run is the demo from beginning to end. Whatever has been started is stopped in reverse.
func run(ctx context.Context, opts options, out io.Writer) (err error) {
	said := &narrator{out: out, began: time.Now()}
	// What ends by itself ends the demo, also while it is still starting.
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	ready := make(chan *kafka, 1)
	obeySignals(running, ready, said)
	defer func() {
		if err == nil {
			said.line("stopped")
		}
	}()
	if err := opts.fit(); err != nil {
		return err
	}
	if err := opts.settleAddresses(ctx); err != nil {
		return reason(ctx, running, err)
	}
	dir, release, err := openDataDir(ctx, opts.DataDir, said)
	if err != nil {
		return err
	}
	defer release()
	logFile, err := os.OpenFile(filepath.Join(dir, "demo.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer logFile.Close()
	log := newLogger(logFile)

	databases, err := startPostgres(ctx, opts, dir, said)
	if err != nil {
		return reason(ctx, running, err)
	}
	defer func() { err = errors.Join(err, databases.stop(ctx)) }()
	databases.watch(running, fail)
	kafka, err := startKafka(ctx, opts, dir, log, said)
	if err != nil {
		return reason(ctx, running, err)
	}
	defer func() { err = errors.Join(err, kafka.stop(ctx)) }()

	said.step("starting the services")
	system, err := configure(opts, databases, kafka.addr)
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := system.start(serving, fail, log)
	defer func() {
		fail(nil) // no signal starts anything from now on
		stop()
		err = errors.Join(err, <-ended)
	}()
	if err := system.awaitReady(running); err != nil {
		return reason(ctx, running, err)
	}
	if !opts.NoSampleData {
		if err := system.importSamples(running, said); err != nil {
			return reason(ctx, running, err)
		}
	}
	system.guide(out, databases, kafka, dir, opts.DataDir == "")
	said.line(fmt.Sprintf("ready after %.1f s; Ctrl-C stops everything", time.Since(said.began).Seconds()))
	ready <- kafka
	<-running.Done()
	said.line("stopping")
	return reason(ctx, running, nil)
}

// reason is why the demo ends: for nothing wrong when somebody asked it to stop, because something ended by itself, or
// because of err. Each of them breaks what is under way, so the first that is true counts.
func reason(asked, running context.Context, err error) error {
	select {
	case <-asked.Done():
		return nil
	default:
	}
	if cause := context.Cause(running); cause != nil {
		return cause
	}
	return err
}

// newLogger writes everything to the file, and to the terminal what needs somebody's eye.
func newLogger(file io.Writer) *slog.Logger {
	return slog.New(slog.NewMultiHandler(
		telemetry.NewLogger(file, "text", slog.LevelInfo).Handler(),
		telemetry.NewLogger(os.Stderr, "text", slog.LevelError).Handler(),
	))
}

// system is both services, as they are configured for the demo.
type system struct {
	monolith monolith.Config
	catalog  catalog.Config
}

func configure(opts options, databases *databases, kafka string) (system, error) {
	settings := func(url, addr string) map[string]string {
		return map[string]string{
			"DATABASE_URL": url, "KAFKA_BROKERS": kafka, "HTTP_ADDR": addr, "KAFKA_REPLICATION_FACTOR": "1",
			"KAFKA_MIN_INSYNC_REPLICAS": "1", "VALIDATE_RESPONSES": "true", "VALIDATE_EVENTS": "true", "SHUTDOWN_GRACE": servicesGrace.String(),
			"SHUTDOWN_DELAY": "0s", // no load balancer is in front of the demo
		}
	}
	m, errMonolith := config.LoadFrom(monolith.Defaults(), settings(databases.url("monolith"), opts.MonolithAddr))
	c, errCatalog := config.LoadFrom(catalog.Defaults(), settings(databases.url("catalog"), opts.CatalogAddr))
	return system{monolith: m, catalog: c}, errors.Join(errMonolith, errCatalog)
}

// start runs both services until ctx is done, and calls failed with the reason when one ends before. The channel has
// one value: what was wrong while they stopped.
func (s system) start(ctx context.Context, failed context.CancelCauseFunc, log *slog.Logger) <-chan error {
	type service struct {
		name string
		run  func(context.Context, *slog.Logger) error
	}
	all := []service{
		{"monolith", func(ctx context.Context, log *slog.Logger) error { return monolith.Run(ctx, s.monolith, log) }},
		{"catalog", func(ctx context.Context, log *slog.Logger) error { return catalog.Run(ctx, s.catalog, log) }},
	}
	results := make(chan error, len(all))
	for _, one := range all {
		go func() {
			err := one.run(ctx, log.With("service", one.name))
			switch {
			case err == nil || errors.Is(err, context.Canceled):
				err = nil
			case ctx.Err() == nil:
				failed(fmt.Errorf("%s: %w", one.name, err))
				err = nil // it is told already
			default:
				err = fmt.Errorf("%s: %w", one.name, err)
			}
			results <- err
		}()
	}
	ended := make(chan error, 1)
	go func() {
		var errs []error
		for range all {
			errs = append(errs, <-results)
		}
		ended <- errors.Join(errs...)
	}()
	return ended
}
