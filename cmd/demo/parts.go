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

	"github.com/monsplit/monsplit/internal/messaging/embeddedbroker"
	"github.com/monsplit/monsplit/internal/pgserver"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/tcpport"
)

// databases are the databases of both services.
type databases struct {
	server *pgserver.Server // nil for a server that the demo did not start
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
		return d.base // the check of the service's configuration will report the fault
	}
	u.Path = "/" + name
	return u.String()
}

// shownURL returns the URL for people. The password of the demo's own server is useless elsewhere, and people need it to
// look into the database. The password of any other server must not appear on a terminal.
func (d *databases) shownURL(name string) string {
	if d.server != nil {
		return d.url(name)
	}
	return postgres.MaskedURL(d.url(name))
}

// watch calls failed if the server ends by itself before ctx is done.
func (d *databases) watch(ctx context.Context, failed context.CancelCauseFunc) {
	if d.server == nil {
		return
	}
	go func() {
		select {
		case <-ctx.Done():
		case <-d.server.Done():
			failed(fmt.Errorf("PostgreSQL has ended by itself, so the demo stops, too: see %s", d.server.LogPath()))
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
	embedded *embeddedbroker.Broker // nil for a broker that the demo did not start
	port     *tcpport.Reservation   // of the embedded broker, also while it is away
	away     bool
}

func startKafka(ctx context.Context, opts options, dir string, log *slog.Logger, said *narrator) (*kafka, error) {
	if opts.Kafka != "" {
		return &kafka{addr: opts.Kafka}, nil
	}
	said.step("starting the embedded test broker")
	port, err := tcpport.Reserve("127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b, err := embeddedbroker.Start(ctx, embeddedbroker.Options{Addr: port.Addr, DataDir: filepath.Join(dir, "kafka"), Log: log.With("part", "broker")})
	if err != nil {
		return nil, errors.Join(err, port.Close())
	}
	return &kafka{addr: b.Addr(), embedded: b, port: port}, nil
}

func (k *kafka) stop(ctx context.Context) error {
	if k.embedded == nil {
		return nil
	}
	return errors.Join(k.embedded.Stop(context.WithoutCancel(ctx)), k.port.Close())
}

// obeySignals stops the embedded broker on SIGUSR1, and starts it again on the next one, so that users can see what happens
// without Kafka. It catches the signal before the demo is ready, too: otherwise the signal would end the process, and the
// database server would be left behind.
func obeySignals(ctx context.Context, ready <-chan *kafka, said *narrator) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1) // until the process ends
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

// toggle stops or starts Kafka and returns a message about it. k is nil before the demo is ready.
func (k *kafka) toggle(ctx context.Context) string {
	switch {
	case k == nil:
		return "SIGUSR1 is ignored: the demo is not ready yet"
	case k.embedded == nil:
		return "SIGUSR1 is ignored: the Kafka at " + k.addr + " was not started by the demo"
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
