package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// verifyChunk is how many events a handler gets at once.
const verifyChunk = 500

// inOwnTx runs f in a transaction of its own, so that no long transaction keeps the server from cleaning tables up.
func (v *verification[T]) inOwnTx(ctx context.Context, f func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, v.conn, pgx.TxOptions{BeginQuery: pgtx.BeginPinned}, f)
}

// replay calls the handler with the events of a partition from where it has got them to an offset.
func (v *verification[T]) replay(ctx context.Context, one *verifiedCopy, tp broker.TopicPartition, to int64,
	inTx func(context.Context, func(pgx.Tx) error) error,
) error {
	end, err := v.kafka.EndOffset(ctx, tp)
	if err != nil {
		return fmt.Errorf("find the end of %s: %w", tp, err)
	}
	chunk := make([]item, 0, verifyChunk)
	apply := func() error {
		if len(chunk) == 0 {
			return nil
		}
		err := inTx(ctx, func(tx pgx.Tx) error { return v.apply(ctx, tx, one, chunk) })
		v.done += len(chunk)
		chunk = chunk[:0]
		if v.options.Progress != nil {
			v.options.Progress(v.done, max(v.done, v.total))
		}
		return err
	}
	err = v.kafka.ReadRange(ctx, tp, v.read[tp], min(to, end), func(r broker.Fetched) error {
		if chunk = append(chunk, decodeRecord(tp, broker.TopicID{}, r)); len(chunk) < verifyChunk {
			return nil
		}
		return apply()
	})
	if err == nil {
		err = apply()
	}
	if err != nil {
		return fmt.Errorf("read the log of %s: %w", tp, err)
	}
	v.read[tp] = max(v.read[tp], min(to, end))
	return nil
}

// apply calls the handler with a chunk, or with each event alone if one of them cannot be applied.
func (v *verification[T]) apply(ctx context.Context, tx pgx.Tx, one *verifiedCopy, chunk []item) error {
	var events []Event
	for i := range chunk {
		if chunk[i].err == nil {
			events = append(events, chunk[i].forHandler())
		}
	}
	failed, err := v.call(ctx, tx, one.Topic, events)
	if err != nil {
		return err
	}
	for i := range chunk {
		it := &chunk[i]
		if failed != nil && it.err == nil {
			if it.err, err = v.call(ctx, tx, one.Topic, []Event{it.forHandler()}); err != nil {
				return err
			}
		}
		if it.err != nil {
			one.result.Unreadable++
		}
	}
	return v.takeLast(ctx, tx, one, chunk)
}

// takeLast gives the rows of a chunk the data of the last event of their version, if it differs: that event stays in the log
// after a compaction. The handler keeps the first one.
func (v *verification[T]) takeLast(ctx context.Context, tx pgx.Tx, one *verifiedCopy, chunk []item) error {
	lower := fmt.Sprintf("UPDATE pg_temp.%s SET version = version - 1 WHERE %s = $1",
		pgx.Identifier{one.Table}.Sanitize(), pgx.Identifier{one.Key}.Sanitize())
	for key, it := range newestItems(chunk) {
		if it.comparison != OtherData {
			continue
		}
		if _, err := tx.Exec(ctx, lower, key); err != nil {
			return fmt.Errorf("compare the events of %s: %w", key, err)
		}
		if failed, err := v.call(ctx, tx, one.Topic, []Event{it.forHandler()}); err != nil || failed != nil {
			return errors.Join(err, failed)
		}
	}
	return nil
}

func (v *verification[T]) call(ctx context.Context, tx pgx.Tx, topic string, events []Event) (failed, err error) {
	if len(events) == 0 {
		return nil, nil
	}
	_, failed, err = v.c.inSavepoint(ctx, tx, func(t T) error { return v.c.callHandler(ctx, topic, t, events) })
	return failed, err
}

// compare reads the positions and the copies in one snapshot, lets the handlers catch up with these positions, and compares.
func (v *verification[T]) compare(ctx context.Context) error {
	tx, err := v.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		return fmt.Errorf("begin the comparison: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	positions, err := v.positions(ctx, messagingdb.New(tx))
	if err != nil {
		return err
	}
	inTx := func(_ context.Context, f func(pgx.Tx) error) error { return f(tx) }
	for _, one := range v.copies {
		for tp := range v.read {
			if tp.Topic != one.Topic {
				continue
			}
			if positions[tp] < v.began[tp] {
				return fmt.Errorf("the position of %s was set back meanwhile: run the comparison again", tp)
			}
			if err := v.replay(ctx, one, tp, positions[tp], inTx); err != nil {
				return err
			}
			if err := v.noteNotRead(ctx, tx, tp); err != nil {
				return err
			}
		}
		if err := v.compareRows(ctx, tx, one); err != nil {
			return fmt.Errorf("compare the copy of %s: %w", one.Topic, err)
		}
	}
	return nil
}

// noteNotRead stores the keys of the records that the consumer has not read yet. The log may lack the version that the copy
// has: compaction removes it as soon as there is a newer one.
func (v *verification[T]) noteNotRead(ctx context.Context, tx pgx.Tx, tp broker.TopicPartition) error {
	end, err := v.kafka.EndOffset(ctx, tp)
	if err != nil {
		return fmt.Errorf("find the end of %s: %w", tp, err)
	}
	keys := make([]string, 0, verifyChunk)
	store := func() error {
		_, err := tx.Exec(ctx, `INSERT INTO not_read SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING`, tp.Topic, keys)
		keys = keys[:0]
		return err
	}
	err = v.kafka.ReadRange(ctx, tp, v.read[tp], end, func(r broker.Fetched) error {
		if key := string(r.Key); utf8.ValidString(key) && !strings.ContainsRune(key, 0) {
			keys = append(keys, key)
		}
		if len(keys) < verifyChunk {
			return nil
		}
		return store()
	})
	if err == nil {
		err = store()
	}
	if err != nil {
		return fmt.Errorf("read what the consumer has not read of %s: %w", tp, err)
	}
	return nil
}

// A deleted row without an event is right: an operator has purged the key, and Kafka has removed its events.
const compareSQL = `
WITH log AS (SELECT %[1]s::text AS key, to_jsonb(t) - COALESCE($2::text[], '{}') AS row FROM pg_temp.%[2]s t WHERE version > 0),
    copy AS (SELECT %[1]s::text AS key, to_jsonb(t) - COALESCE($2::text[], '{}') AS row FROM %[3]s t WHERE version > 0)
SELECT b.key, b.log, b.copy,
    (SELECT min(d.id) FROM dead_letter d WHERE d.topic = $1 AND d.key = convert_to(b.key, 'UTF8') AND d.state = 'open')
FROM (SELECT key, log.row AS log, copy.row AS copy FROM log FULL JOIN copy USING (key)) b
WHERE b.log IS DISTINCT FROM b.copy AND NOT (b.log IS NULL AND (b.copy->>'deleted')::boolean)
    AND NOT EXISTS (SELECT FROM not_read n WHERE n.topic = $1 AND n.key = b.key) ORDER BY b.key`

func (v *verification[T]) compareRows(ctx context.Context, tx pgx.Tx, one *verifiedCopy) error {
	table := pgx.Identifier{one.Table}.Sanitize()
	if _, err := tx.Exec(ctx, "ANALYZE pg_temp."+table+", not_read"); err != nil {
		return err
	}
	err := tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM `+one.real+` WHERE version > 0), (SELECT count(*) FROM not_read WHERE topic = $1)`,
		one.Topic).Scan(&one.result.Rows, &one.result.NotRead)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, fmt.Sprintf(compareSQL, pgx.Identifier{one.Key}.Sanitize(), table, one.real), one.Topic, v.cfg.Ignore)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		d := Difference{Topic: one.Topic}
		if err := rows.Scan(&d.Key, &d.Log, &d.Copy, &d.DeadLetter); err != nil {
			return err
		}
		one.result.Differences++
		if err := v.options.Found(d); err != nil {
			return err
		}
	}
	return rows.Err()
}
