package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

const appendTransactions = 2_000

// outboxAppend measures a transaction that appends one event or many. The bound is a transaction that inserts as many rows
// of the same size into a bare table.
func outboxAppend(ctx context.Context, e *env) ([]row, error) {
	pool, err := e.database(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, `CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text, payload bytea)`); err != nil {
		return nil, err
	}
	var rows []row
	for _, size := range []int{1, 100} {
		var appended, bare []float64
		for round := range e.rounds {
			msgs := outboxMessages(size, round)
			took, err := perTransaction(ctx, pool, size, func(tx pgx.Tx, n int64) error {
				for i := range msgs {
					msgs[i].Version = n
				}
				return outbox.Append(ctx, tx, msgs...)
			})
			if err != nil {
				return nil, err
			}
			appended = append(appended, took)
			keys, payloads := make([]string, size), make([][]byte, size)
			for i, m := range msgs {
				keys[i], payloads[i] = m.Key, m.Payload
			}
			if took, err = perTransaction(ctx, pool, size, func(tx pgx.Tx, _ int64) error {
				_, err := tx.Exec(ctx, `INSERT INTO bare (key, payload) SELECT * FROM unnest($1::text[], $2::bytea[])`, keys, payloads)
				return err
			}); err != nil {
				return nil, err
			}
			bare = append(bare, took)
		}
		a, b := median(appended), median(bare)
		rows = append(rows, row{name: fmt.Sprintf("append of %d in a transaction beside a bare insert", size), value: a, unit: "µs", bound: b, ratio: a / b})
	}
	return rows, nil
}

func outboxMessages(n, round int) (msgs []event.Message) {
	for range n {
		msgs = append(msgs, event.Message{ID: uuid.New(), Topic: fmt.Sprint("bench-", round), Key: uuid.NewString(), Type: "bench.v1",
			Payload: []byte(strings.Repeat("x", outboxPayload))})
	}
	return msgs
}

// perTransaction returns the microseconds of one transaction with its commit.
func perTransaction(ctx context.Context, pool *pgxpool.Pool, size int, f func(tx pgx.Tx, n int64) error) (float64, error) {
	n := appendTransactions / min(size, 20)
	started := time.Now()
	for i := range n {
		if err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return f(tx, int64(i+1)) }); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(started).Microseconds()) / float64(n), nil
}

// outboxClaim measures one claim of about 1000 events, while more and more are pending. With BENCH_LARGE=1 it also measures
// with ten million events that are already sent. The bound is the bare read of the same rows by their key.
func outboxClaim(ctx context.Context, e *env) ([]row, error) {
	pool, err := e.database(ctx)
	if err != nil {
		return nil, err
	}
	statement, err := catchClaim(ctx, pool)
	if err != nil {
		return nil, err
	}
	type load struct{ pending, sent int }
	loads := []load{{1, 0}, {10_000, 0}, {1_000_000, 0}}
	if os.Getenv("BENCH_LARGE") == "1" {
		loads = append(loads, load{10_000, 10_000_000})
	}
	var rows []row
	for _, l := range loads {
		e.say.step(fmt.Sprintf("filling the outbox with %d pending and %d sent", l.pending, l.sent))
		if err := fillOutbox(ctx, pool, "bench", l.sent, false); err != nil {
			return nil, err
		}
		if err := addToOutbox(ctx, pool, "bench-pending", l.pending, true); err != nil {
			return nil, err
		}
		e.say.step(fmt.Sprintf("claim out of %d pending beside %d sent", l.pending, l.sent))
		claim, bare, err := claimCost(ctx, pool, statement, min(l.pending, 1000))
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("claim of 1000 out of %d", l.pending)
		if l.sent > 0 {
			name += fmt.Sprintf(" beside %d sent", l.sent)
		}
		rows = append(rows, row{name: name, value: claim, unit: "µs", bound: bare, ratio: claim / bare})
	}
	return rows, nil
}

// claimCost returns two medians: of claims from the start, on a connection like the relay's, and of bare reads of as many
// rows.
func claimCost(ctx context.Context, pool *pgxpool.Pool, claim *caughtClaim, least int) (claims, bare float64, err error) {
	config := pool.Config().ConnConfig.Copy()
	maps.Copy(config.RuntimeParams, outbox.PlannerSettings())
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(ctx)
	if err := claim.holdLeases(ctx, conn); err != nil {
		return 0, 0, err
	}
	var took, reads []float64
	for range 30 {
		micros, err := timeQuery(ctx, conn, least, claim.sql, claim.args...)
		if err != nil {
			return 0, 0, err
		}
		took = append(took, micros)
		micros, err = timeQuery(ctx, conn, least, `SELECT p.shard, p.seq, p.key, e.payload, e.created_at
			FROM (SELECT * FROM outbox_pending ORDER BY shard, seq LIMIT 1000) p JOIN outbox_event e USING (seq)`)
		if err != nil {
			return 0, 0, err
		}
		reads = append(reads, micros)
	}
	return median(took), median(reads), nil
}

// timeQuery returns the microseconds until all rows are read. It fails if there are fewer rows than least.
func timeQuery(ctx context.Context, conn *pgx.Conn, least int, sql string, args ...any) (float64, error) {
	started := time.Now()
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		if _, err := rows.Values(); err != nil {
			return 0, err
		}
		n++
	}
	took := float64(time.Since(started).Microseconds())
	if rows.Err() == nil && n < least {
		return 0, fmt.Errorf("%d rows instead of %d", n, least)
	}
	return took, rows.Err()
}
