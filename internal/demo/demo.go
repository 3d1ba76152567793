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
	servicesGrace = 5 * time.Second
	postgresGrace = 4 * time.Second
)

// run is the demo from beginning to end. Whatever has been started is stopped in reverse.
func run(ctx context.Context, opts options, out io.Writer) (err error) {
	said := &narrator{out: out, began: time.Now()}
	if err := addressesAreFree(ctx, opts); err != nil {
		return err
	}
	dir, release, err := openDataDir(opts.DataDir)
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
		return err
	}
	defer func() { err = errors.Join(err, databases.stop()) }()
	kafka, err := startKafka(ctx, opts, dir, log, said)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kafka.stop()) }()

	said.step("starting the services")
	system, err := configure(opts, databases, kafka.addr)
	if err != nil {
		return err
	}
	running, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	ended := system.start(running, stop, log)
	defer func() {
		stop(nil)
		err = errors.Join(err, <-ended)
		said.line("stopped")
	}()
	// A service that ends by itself ends the demo, also while it is still starting.
	starting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(running, func() { cancel(context.Cause(running)) })()
	if err := system.awaitReady(starting); err != nil {
		return reason(ctx, err)
	}
	if !opts.NoSampleData {
		if err := system.importSamples(starting, dir, said); err != nil {
			return reason(ctx, err)
		}
	}
	system.guide(out, databases, kafka, dir, opts.DataDir == "")
	said.line(fmt.Sprintf("ready after %.1f s; Ctrl-C stops everything", time.Since(said.began).Seconds()))
	kafka.obeySignals(starting, said)
	<-starting.Done()
	said.line("stopping")
	return reason(ctx, context.Cause(starting))
}

// reason leaves out that somebody asked the demo to stop.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return nil
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
	monolith, catalog config.Service
}

func configure(opts options, databases *databases, kafka string) (system, error) {
	settings := func(url, addr string) (config.Service, error) {
		return config.LoadFrom(config.Service{}, map[string]string{
			"DATABASE_URL": url, "KAFKA_BROKERS": kafka, "HTTP_ADDR": addr, "KAFKA_REPLICATION_FACTOR": "1",
			"KAFKA_MIN_INSYNC_REPLICAS": "1", "VALIDATE_RESPONSES": "true", "SHUTDOWN_GRACE": servicesGrace.String(),
		})
	}
	m, errMonolith := settings(databases.url("monolith"), opts.MonolithAddr)
	c, errCatalog := settings(databases.url("catalog"), opts.CatalogAddr)
	return system{monolith: m, catalog: c}, errors.Join(errMonolith, errCatalog)
}

// start runs both services until ctx is done, and calls failed with the reason when one ends before. The channel has
// one value: what was wrong, once both have stopped.
func (s system) start(ctx context.Context, failed context.CancelCauseFunc, log *slog.Logger) <-chan error {
	type service struct {
		name         string
		cfg          config.Service
		migrate, run func(context.Context, config.Service, *slog.Logger) error
	}
	all := []service{{"monolith", s.monolith, monolith.Migrate, monolith.Run}, {"catalog", s.catalog, catalog.Migrate, catalog.Run}}
	results := make(chan error, len(all))
	for _, one := range all {
		go func() {
			serviceLog := log.With("service", one.name)
			err := one.migrate(ctx, one.cfg, serviceLog)
			if err == nil {
				err = one.run(ctx, one.cfg, serviceLog)
			}
			if err != nil && ctx.Err() == nil {
				err = fmt.Errorf("%s: %w", one.name, err)
				failed(err)
			}
			results <- err
		}()
	}
	ended := make(chan error, 1)
	go func() {
		var errs []error
		for range all {
			if err := <-results; err != nil && !errors.Is(err, context.Canceled) && !errors.Is(context.Cause(ctx), err) {
				errs = append(errs, err)
			}
		}
		ended <- errors.Join(errs...)
	}()
	return ended
}
