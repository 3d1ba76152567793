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

// A stop may take ten seconds: the services' grace, then PostgreSQL's.
const (
	servicesGrace = 4 * time.Second
	postgresGrace = 4 * time.Second
)

// run is the demo from beginning to end. At the end it stops in reverse order what it has started.
func run(ctx context.Context, opts options, out io.Writer) (err error) {
	said := &narrator{out: out, began: time.Now()}
	// A part that ends by itself ends the demo, also while the demo is still starting.
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
	release, err := opts.reserveAddresses()
	if err != nil {
		return reason(ctx, running, err)
	}
	defer release()
	dir, unlock, err := openDataDir(ctx, opts.DataDir, said)
	if err != nil {
		return err
	}
	defer unlock()
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
		fail(nil) // from now on, no signal starts anything
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
	if err := system.guide(opts, databases, kafka, dir).print(out); err != nil {
		return err
	}
	said.line(fmt.Sprintf("ready after %.1f s; Ctrl-C stops everything", time.Since(said.began).Seconds()))
	ready <- kafka
	<-running.Done()
	said.line("stopping")
	return reason(ctx, running, nil)
}

// reason returns why the demo ends: nil if the user asked it to stop, or else the part that ended by itself, or else err.
// Each of these makes the current step fail, so err alone does not tell the cause.
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

// newLogger returns a logger that writes everything to the file, and errors also to the terminal.
func newLogger(file io.Writer) *slog.Logger {
	return slog.New(slog.NewMultiHandler(
		telemetry.NewLogger(file, "text", slog.LevelInfo).Handler(),
		telemetry.NewLogger(os.Stderr, "text", slog.LevelError).Handler(),
	))
}

// system has the configurations of both services.
type system struct {
	monolith monolith.Config
	catalog  catalog.Config
}

func configure(opts options, databases *databases, kafka string) (system, error) {
	prefixes := ""
	if opts.Tokens {
		prefixes = "/"
	}
	settings := func(url, addr string) map[string]string {
		return map[string]string{
			"DATABASE_URL": url, "KAFKA_BROKERS": kafka, "HTTP_ADDR": addr, "KAFKA_REPLICATION_FACTOR": "1",
			"KAFKA_MIN_INSYNC_REPLICAS": "1", "VALIDATE_RESPONSES": "true", "VALIDATE_EVENTS": "true", "SHUTDOWN_GRACE": servicesGrace.String(),
			"ADMIN_DEMO": "true", "ACCESS_PREFIXES": prefixes,
			"SHUTDOWN_DELAY": "0s", // no load balancer is in front of the demo
		}
	}
	m, errMonolith := config.LoadFrom(monolith.Defaults(), settings(databases.url("monolith"), opts.MonolithAddr))
	c, errCatalog := config.LoadFrom(catalog.Defaults(), settings(databases.url("catalog"), opts.CatalogAddr))
	return system{monolith: m, catalog: c}, errors.Join(errMonolith, errCatalog)
}

// start runs both services until ctx is done. It calls failed with the reason if one ends earlier. The channel gets one
// value: the errors of the stop.
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
				err = nil // failed has reported it
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
