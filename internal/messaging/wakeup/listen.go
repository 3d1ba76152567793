package wakeup

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/delay"
)

// Listener hears the notifications of a channel, on a connection of its own. It connects again when the connection is lost.
type Listener struct {
	Conn    *pgx.ConnConfig
	Channel string
	Retry   time.Duration // pause after the connection was lost or could not be opened

	// Connected is called when the channel is listened to, at first and again after a lost connection. Notifications that
	// were sent before are lost.
	Connected func()
	Heard     func(payload string)
	Lost      func(error) // the channel is not listened to
}

// Run listens until ctx is done. It calls all functions from this goroutine.
func (l Listener) Run(ctx context.Context) {
	for {
		err := l.hear(ctx)
		if ctx.Err() != nil {
			return
		}
		l.Lost(err)
		if !delay.For(ctx, l.Retry) {
			return
		}
	}
}

// hear listens on one connection, until that fails.
func (l Listener) hear(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, l.connConfig())
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer closeConn(ctx, conn)
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{l.Channel}.Sanitize()); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	l.Connected()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("wait for a notification: %w", err)
		}
		l.Heard(n.Payload)
	}
}

// keepAlive finds a connection that has silently died within 25 seconds. Nothing is ever sent on it.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}

func (l Listener) connConfig() *pgx.ConnConfig {
	config := l.Conn.Copy()
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
			err = tcp.SetKeepAliveConfig(keepAlive)
		}
		return conn, err
	}
	return config
}

// listen hears that other processes have committed changes. What was committed before is looked for once.
func (w *Waiters) listen(ctx context.Context) {
	config := w.pool.Config().ConnConfig
	config.RuntimeParams["application_name"] = strings.TrimSpace(config.RuntimeParams["application_name"] + " wakeup")
	Listener{Conn: config, Channel: w.cfg.Channel, Retry: w.cfg.Retry,
		Connected: func() { signal(w.notified) },
		Heard: func(string) {
			w.metrics.notifications.Inc()
			signal(w.notified)
		},
		Lost: func(err error) {
			w.log.WarnContext(ctx, "changes of other instances are noticed later, until the database can be listened to", "error", err)
		},
	}.Run(ctx)
}

// StopBound is how long Waiters.Run takes at most after the end of its context: the time for closing a connection.
const StopBound = 500 * time.Millisecond

func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopBound)
	defer cancel()
	_ = conn.Close(ctx) // without it, the server notices the end by itself
}
