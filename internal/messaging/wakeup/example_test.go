package wakeup_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/wakeup"
	"github.com/monsplit/monsplit/internal/testkit/exampletb"
)

// A caller waits until the copy of a hat has version 2. Another process applies that version a moment later.
func Example() {
	t := exampletb.New()
	defer t.CleanUp()
	pool := newDatabase(t)

	waiters := wakeup.New(pool, wakeup.Config{MetricsNamespace: "shop"}, slog.New(slog.DiscardHandler))
	waiters.Register("hat", func(ctx context.Context, ids []string) (map[string]int64, error) {
		rows, err := pool.Query(ctx, `SELECT id, version FROM thing_copy WHERE id = ANY ($1)`, ids)
		if err != nil {
			return nil, err
		}
		versions, id, version := map[string]int64{}, "", int64(0)
		_, err = pgx.ForEachRow(rows, []any{&id, &version}, func() error {
			versions[id] = version
			return nil
		})
		return versions, err
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- waiters.Run(ctx) }()

	applied := make(chan struct{})
	go func() { // in another process
		defer close(applied)
		apply(t, pool, 2, "bowler")
	}()
	limit, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	fmt.Println("bowler, version 2:", waiters.Wait(limit, "hat", "bowler", 2))
	<-applied

	waiters.Stop() // the process begins to stop
	fmt.Println("bowler, version 3:", waiters.Wait(limit, "hat", "bowler", 3))
	stop()
	fmt.Println("ended:", <-ended)
	// Output:
	// bowler, version 2: <nil>
	// bowler, version 3: the service stops
	// ended: <nil>
}
