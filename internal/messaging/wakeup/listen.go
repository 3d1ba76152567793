package wakeup

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// listen hears notifications until ctx is done. It connects again when the connection is lost.
func (w *Waiters) listen(ctx context.Context) {
	for {
		err := w.hear(ctx)
		if ctx.Err() != nil {
			return
		}
		w.log.LogAttrs(ctx, slog.LevelWarn, "changes of other instances are noticed later, until the database can be listened to",
			slog.Any("error", err))
		if !rest(ctx, w.cfg.Retry) {
			return
		}
	}
}

// hear listens on one connection, until that fails. What was committed before is looked for once.
func (w *Waiters) hear(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, w.connConfig())
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer closeConn(ctx, conn)
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{w.cfg.Channel}.Sanitize()); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	for signal(w.notified); ; signal(w.notified) {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return fmt.Errorf("wait for a notification: %w", err)
		}
		w.metrics.notifications.Inc()
	}
}

// keepAlive finds a connection that has silently died within 25 seconds. Nothing is ever sent on it.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3}

func (w *Waiters) connConfig() *pgx.ConnConfig {
	config := w.pool.Config().ConnConfig
	config.RuntimeParams["application_name"] = strings.TrimSpace(config.RuntimeParams["application_name"] + " wakeup")
	config.DialFunc = (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext
	return config
}

// StopBound is how long Waiters.Run takes at most after the end of its context: the time for closing a connection.
const StopBound = 500 * time.Millisecond

func closeConn(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopBound)
	defer cancel()
	_ = conn.Close(ctx) // without it, the server notices the end by itself
}
