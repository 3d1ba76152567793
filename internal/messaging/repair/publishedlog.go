package repair

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// publishedLog has the highest version of each key in the logs, in a temporary table. So its memory does not grow with the
// logs.
type publishedLog struct {
	conn       *pgx.Conn
	unreadable map[string]int // by topic
}

const (
	readRecords = 500     // records in one statement
	readBytes   = 4 << 20 // bytes of their events
)

func newPublishedLog(ctx context.Context, pool *pgxpool.Pool) (*publishedLog, error) {
	conn, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("open a connection for the events of the logs: %w", err)
	}
	// Reading a log may take longer than the time-outs of usual sessions.
	if _, err := conn.Exec(ctx, `SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
		CREATE TEMPORARY TABLE published (topic text, key text COLLATE "C", version bigint, event bytea, PRIMARY KEY (topic, key))`); err != nil {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("prepare the reading of the logs: %w", err)
	}
	return &publishedLog{conn: conn, unreadable: map[string]int{}}, nil
}

// close also drops the temporary table.
func (l *publishedLog) close(ctx context.Context) { _ = l.conn.Close(context.WithoutCancel(ctx)) }

// read reads the logs up to the present ends.
func (l *publishedLog) read(ctx context.Context, kafka consumer.LogReader, present outbox.PresentLogs, progress Progress) error {
	starts, done, total := map[broker.TopicPartition]int64{}, 0, 0
	err := present.Each(func(tp broker.TopicPartition, end int64) (err error) {
		starts[tp], err = kafka.StartOffset(ctx, tp)
		total += int(end - starts[tp])
		return err
	})
	if err != nil {
		return fmt.Errorf("find the starts of the logs: %w", err)
	}
	return present.Each(func(tp broker.TopicPartition, end int64) error {
		chunk, before := &recordChunk{log: l, topic: tp.Topic}, done
		err := kafka.ReadRange(ctx, tp, starts[tp], end, func(r broker.Fetched) error {
			done = before + int(r.Offset-starts[tp])
			progress.tell(done, total)
			return chunk.add(ctx, r)
		})
		if err == nil {
			err = chunk.store(ctx)
		}
		if err != nil {
			return fmt.Errorf("read the log of %s: %w", tp, err)
		}
		done = before + int(end-starts[tp])
		return nil
	})
}

// recordChunk is a number of records that are stored with one statement.
type recordChunk struct {
	log      *publishedLog
	topic    string
	keys     []string
	versions []int64
	events   [][]byte
	bytes    int
}

func (c *recordChunk) add(ctx context.Context, r broker.Fetched) error {
	version, ok := versionOf(r)
	if !ok {
		c.log.unreadable[c.topic]++
		return nil
	}
	c.keys, c.versions, c.events = append(c.keys, string(r.Key)), append(c.versions, version), append(c.events, r.Value)
	if c.bytes += len(r.Value); len(c.keys) < readRecords && c.bytes < readBytes {
		return nil
	}
	return c.store(ctx)
}

// versionOf returns the version of a record's event. It is not ok if the record is no event of its key.
func versionOf(r broker.Fetched) (version int64, ok bool) {
	key := string(r.Key)
	e, err := event.Decode(r.Value)
	return e.Version, err == nil && e.Subject == key && utf8.ValidString(key) && !strings.ContainsRune(key, 0)
}

func (c *recordChunk) store(ctx context.Context) error {
	_, err := c.log.conn.Exec(ctx, `INSERT INTO published AS p (topic, key, version, event)
		SELECT DISTINCT ON (u.key) $1, u.key, u.version, u.event
		FROM unnest($2::text[], $3::bigint[], $4::bytea[]) WITH ORDINALITY AS u (key, version, event, n)
		ORDER BY u.key, u.version DESC, u.n DESC
		ON CONFLICT (topic, key) DO UPDATE SET version = excluded.version, event = excluded.event WHERE excluded.version >= p.version`,
		c.topic, c.keys, c.versions, c.events)
	c.keys, c.versions, c.events, c.bytes = c.keys[:0], c.versions[:0], c.events[:0], 0
	return err
}

// after returns the keys of a topic after the given one, with their highest versions, at most limit.
func (l *publishedLog) after(ctx context.Context, topic, key string, limit int) ([]Published, error) {
	rows, err := l.conn.Query(ctx, `SELECT key, version FROM published WHERE topic = $1 AND key > $2 ORDER BY key LIMIT $3`, topic, key, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Published])
}

// last returns the event of a key's highest version.
func (l *publishedLog) last(ctx context.Context, topic, key string) (event.Event, error) {
	var value []byte
	if err := l.conn.QueryRow(ctx, `SELECT event FROM published WHERE topic = $1 AND key = $2`, topic, key).Scan(&value); err != nil {
		return event.Event{}, err
	}
	return event.Decode(value)
}

// without returns those of the events whose keys the log does not have.
func (l *publishedLog) without(ctx context.Context, topic string, events []event.Message) (rest []event.Message, err error) {
	keys := make([]string, len(events))
	for i, m := range events {
		keys[i] = m.Key
	}
	rows, err := l.conn.Query(ctx, `SELECT n FROM unnest($2::text[]) WITH ORDINALITY AS u (key, n)
		WHERE NOT EXISTS (SELECT FROM published p WHERE p.topic = $1 AND p.key = u.key) ORDER BY n`, topic, keys)
	if err != nil {
		return nil, err
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[int])
	for _, n := range missing {
		rest = append(rest, events[n-1])
	}
	return rest, err
}

func (l *publishedLog) count(ctx context.Context) (n int, err error) {
	return n, l.conn.QueryRow(ctx, `SELECT count(*) FROM published`).Scan(&n)
}
