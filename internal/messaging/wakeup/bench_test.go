package wakeup_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/wakeup"
)

// BenchmarkConsumerTransaction measures what waking costs a transaction of a consumer: without the trigger, with it while
// nobody waits, and while a caller waits all the time. The commits do not wait for the disk, which would hide the cost.
func BenchmarkConsumerTransaction(b *testing.B) {
	states := map[string]func(*pgxpool.Pool){
		"WithoutTrigger": func(pool *pgxpool.Pool) {
			exec(b, pool, `DROP TRIGGER consumer_position_wake ON consumer_position`)
		},
		"NobodyWaits": func(*pgxpool.Pool) {},
		"OneWaits": func(pool *pgxpool.Pool) {
			i := start(b, pool, wakeup.Config{})
			ctx, leave := context.WithCancel(b.Context())
			b.Cleanup(leave)
			i.wait(ctx, "never", 1)
		},
	}
	for _, positions := range []int{1, 12} {
		for _, name := range []string{"WithoutTrigger", "NobodyWaits", "OneWaits"} {
			b.Run(fmt.Sprintf("%s/Positions=%d", name, positions), func(b *testing.B) {
				pool := newDatabase(b)
				states[name](pool)
				conn, err := pool.Acquire(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				defer conn.Release()
				if _, err := conn.Exec(b.Context(), `SET synchronous_commit = off; SET enable_seqscan = off`); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if err := pgx.BeginFunc(b.Context(), conn, func(tx pgx.Tx) error {
						if _, err := tx.Exec(b.Context(), `UPDATE consumer_position SET next_offset = next_offset + 1 WHERE part < $1`, positions); err != nil {
							return err
						}
						_, err := tx.Exec(b.Context(), `INSERT INTO thing_copy VALUES ('a', 1) ON CONFLICT (id) DO UPDATE SET version = thing_copy.version + 1`)
						return err
					}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
