package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// claimRows are distributed evenly over the shards, as in the relay.
const claimRows = 1008

// caughtClaim is the statement with which a relay reads pending rows, as the relay sent it, and the leases that it held. No
// other package may import the relay's generated queries, but a tracer sees what it sends.
type caughtClaim struct {
	sql    string
	args   []any
	leases []lease
}

type lease struct {
	topic string
	shard int16
	owner [16]byte
	epoch int64
}

// catchClaim runs a relay on an empty outbox until it claims for all shards, from the start.
func catchClaim(ctx context.Context, pool *pgxpool.Pool) (*caughtClaim, error) {
	config := pool.Config()
	t := &tracer{}
	config.ConnConfig.Tracer = t
	traced, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	defer traced.Close()
	relay := outbox.NewRelay(traced, new(sink), outbox.Config{Topics: []string{"bench"}, ClaimRows: claimRows},
		slog.New(slog.DiscardHandler))
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(running) }()
	claim, err := t.await(ctx, relay)
	if err == nil {
		claim.leases, err = readLeases(ctx, pool)
	}
	stop()
	return claim, errors.Join(err, <-ended)
}

func readLeases(ctx context.Context, pool *pgxpool.Pool) ([]lease, error) {
	rows, err := pool.Query(ctx, `SELECT topic, shard, owner, epoch FROM outbox_lease`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l lease, err error) {
		return l, row.Scan(&l.topic, &l.shard, &l.owner, &l.epoch)
	})
}

// holdLeases sets the leases to what the statement expects.
func (c *caughtClaim) holdLeases(ctx context.Context, conn *pgx.Conn) error {
	for _, l := range c.leases {
		_, err := conn.Exec(ctx, `UPDATE outbox_lease SET owner = $2, epoch = $3 WHERE topic = $4 AND shard = $1`, l.shard, l.owner, l.epoch, l.topic)
		if err != nil {
			return err
		}
	}
	return nil
}

// tracer keeps the last claim.
type tracer struct {
	mu   sync.Mutex
	last *caughtClaim
}

// TraceQueryStart implements pgx.QueryTracer.
func (t *tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if strings.Contains(q.SQL, "ClaimPending") {
		t.mu.Lock()
		t.last = &caughtClaim{sql: q.SQL, args: q.Args}
		t.mu.Unlock()
	}
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// ofAllShards reports whether the claim reads all shards. Lanes open one after the other, and then claim alone.
func (c *caughtClaim) ofAllShards() bool {
	return slices.ContainsFunc(c.args, func(arg any) bool {
		shards, ok := arg.([]int16)
		return ok && len(shards) == event.Partitions
	})
}

// await returns a claim of all shards that began when the relay already had them.
func (t *tracer) await(ctx context.Context, relay *outbox.Relay) (*caughtClaim, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ready := false; ; {
		all := len(relay.State().Shards) == event.Partitions
		t.mu.Lock()
		claim := t.last
		t.last = nil
		t.mu.Unlock()
		if ready && claim != nil && claim.ofAllShards() {
			return claim, nil
		}
		ready = all
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.New("the relay has not claimed")
		}
	}
}
