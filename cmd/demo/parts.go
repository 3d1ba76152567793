package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/embeddedbroker"
	"github.com/monsplit/monsplit/internal/pgserver"
)

// databases are where both services keep their data.
type databases struct {
	server *pgserver.Server // nil for a server that is not ours
	base   string           // URL of any database on the server
}

func startPostgres(ctx context.Context, opts options, dir string, said *narrator) (*databases, error) {
	d := &databases{base: opts.Postgres}
	if opts.Postgres == "" {
		server, err := pgserver.Start(ctx, pgserver.Options{DataDir: postgresFolder(dir), Durable: true, Progress: said.step})
		if err != nil {
			return nil, err
		}
		d.server, d.base = server, server.URL("postgres")
	}
	for _, name := range []string{"monolith", "catalog"} {
		if err := pgserver.CreateDatabase(ctx, d.base, name); err != nil {
			return nil, errors.Join(err, d.stop(ctx))
		}
	}
	return d, nil
}

func (d *databases) url(name string) string {
	u, err := url.Parse(d.base)
	if err != nil {
		return d.base // the service's configuration will say what is wrong with it
	}
	u.Path = "/" + name
	return u.String()
}

// shownURL is url for people. The password of a server of ours is worth nothing elsewhere, and is needed to look into it;
// anybody else's is not for a terminal.
func (d *databases) shownURL(name string) string {
	if d.server != nil {
		return d.url(name)
	}
	return config.Masked(d.url(name))
}

// watch calls failed when the server ends by itself before ctx is done.
func (d *databases) watch(ctx context.Context, failed context.CancelCauseFunc) {
	if d.server == nil {
		return
	}
	go func() {
		select {
		case <-ctx.Done():
		case <-d.server.Done():
			failed(fmt.Errorf("PostgreSQL has ended by itself, so the demo stops too: %s says why", d.server.LogPath()))
		}
	}()
}

func (d *databases) stop(ctx context.Context) error {
	if d.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postgresGrace)
	defer cancel()
	return d.server.Stop(ctx)
}

// kafka is the broker between the services.
type kafka struct {
	addr     string
	embedded *embeddedbroker.Broker // nil for a broker that is not ours
	away     bool
}

func startKafka(ctx context.Context, opts options, dir string, log *slog.Logger, said *narrator) (*kafka, error) {
	if opts.Kafka != "" {
		return &kafka{addr: opts.Kafka}, nil
	}
	said.step("starting the embedded test broker")
	b, err := embeddedbroker.Start(ctx, embeddedbroker.Options{DataDir: filepath.Join(dir, "kafka"), Log: log.With("part", "broker")})
	if err != nil {
		return nil, err
	}
	return &kafka{addr: b.Addr(), embedded: b}, nil
}

func (k *kafka) stop(ctx context.Context) error {
	if k.embedded == nil {
		return nil
	}
	return k.embedded.Stop(context.WithoutCancel(ctx))
}

// obeySignals takes the embedded broker away and brings it back on SIGUSR1, for somebody who wants to see what happens
// then. Before that is possible the signal is caught too: it would end the process with everything left behind.
func obeySignals(ctx context.Context, ready <-chan *kafka, said *narrator) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1) // for as long as the process lives
	go func() {
		var k *kafka
		for {
			select {
			case <-ctx.Done():
				return
			case k = <-ready:
			case <-signals:
				said.line(k.toggle(ctx))
			}
		}
	}()
}

// toggle returns what has become of Kafka. It is nil before the demo is ready.
func (k *kafka) toggle(ctx context.Context) string {
	switch {
	case k == nil:
		return "SIGUSR1 is ignored: the demo is not ready yet"
	case k.embedded == nil:
		return "SIGUSR1 is ignored: the Kafka at " + k.addr + " is not the demo's to take away"
	}
	do, what := k.embedded.Restart, "Kafka is back"
	if !k.away {
		do, what = func() error { return k.embedded.Stop(ctx) }, "Kafka is away; the same signal brings it back"
	}
	if err := do(); err != nil {
		return err.Error()
	}
	k.away = !k.away
	return what
}
