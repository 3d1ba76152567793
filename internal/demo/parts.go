package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/monsplit/monsplit/internal/messaging/embeddedbroker"
	"github.com/monsplit/monsplit/internal/pgserver"
)

// addressesAreFree finds out before anything is started.
func addressesAreFree(ctx context.Context, opts options) error {
	for flag, addr := range map[string]string{"--monolith-addr": opts.MonolithAddr, "--catalog-addr": opts.CatalogAddr} {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("the address %s is taken by another process: stop it, or choose another address by %s", addr, flag)
		}
		if err != nil {
			return fmt.Errorf("%s %s cannot be used: %w", flag, addr, err)
		}
		if err := l.Close(); err != nil {
			return err
		}
	}
	return nil
}

// openDataDir makes the data folder and locks it against a second demo. A scratch folder is removed by release.
func openDataDir(dir string) (path string, release func(), err error) {
	scratch := dir == ""
	if scratch {
		if dir, err = os.MkdirTemp("", "monsplit-demo-"); err != nil {
			return "", nil, err
		}
	} else if dir, err = filepath.Abs(dir); err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("make the data folder: %w", err)
	}
	if scratch {
		// As root, PostgreSQL runs as another user, who has to pass.
		if err := os.Chmod(dir, 0o711); err != nil {
			return "", nil, err
		}
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close() // it is not ours
		return "", nil, fmt.Errorf("another demo is using %s: stop it, or choose another folder by --data-dir", dir)
	}
	return dir, func() {
		_ = lock.Close()
		if scratch {
			_ = os.RemoveAll(dir) // what cannot be removed from a scratch folder is the system's to clean
		}
	}, nil
}

// databases are where both services keep their data.
type databases struct {
	server *pgserver.Server // nil for a server that is not ours
	base   string           // URL of any database on the server
}

func startPostgres(ctx context.Context, opts options, dir string, said *narrator) (*databases, error) {
	d := &databases{base: opts.Postgres}
	if opts.Postgres == "" {
		server, err := pgserver.Start(ctx, pgserver.Options{DataDir: filepath.Join(dir, "postgres"), Durable: true, Progress: said.step})
		if err != nil {
			return nil, err
		}
		d.server, d.base = server, server.URL("postgres")
	}
	for _, name := range []string{"monolith", "catalog"} {
		if err := pgserver.CreateDatabase(ctx, d.base, name); err != nil {
			return nil, errors.Join(err, d.stop())
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

func (d *databases) stop() error {
	if d.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), postgresGrace)
	defer cancel()
	return d.server.Stop(ctx)
}

// kafka is the broker between the services.
type kafka struct {
	addr     string
	embedded *embeddedbroker.Broker // nil for a broker that is not ours
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

func (k *kafka) stop() error {
	if k.embedded == nil {
		return nil
	}
	return k.embedded.Stop(context.Background())
}

// obeySignals stops and starts the embedded broker on SIGUSR1, for somebody who wants to see what happens then.
func (k *kafka) obeySignals(ctx context.Context, said *narrator) {
	if k.embedded == nil {
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		defer signal.Stop(signals)
		for away := false; ; away = !away {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			err, what := k.embedded.Stop(ctx), "Kafka is away; the same signal brings it back"
			if away {
				err, what = k.embedded.Restart(), "Kafka is back"
			}
			if err != nil {
				what = err.Error()
			}
			said.line(what)
		}
	}()
}
