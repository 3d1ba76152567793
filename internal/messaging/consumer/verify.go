package consumer

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// Copy is a table that the handler of a topic fills, with one row for each key. It has the columns version, which is 0 while no
// event of the row has arrived, and deleted.
type Copy struct {
	Topic string
	Table string
	Key   string // the column with the key of the events
}

// VerifyConfig says where a service keeps its copies.
type VerifyConfig struct {
	Copies []Copy
	Beside []string // the other tables that the handlers read or write
	Ignore []string // columns that say nothing about the state, such as the time at which a row was written
}

// VerifyOptions says what Verify compares.
type VerifyOptions struct {
	Topic    string                 // only this topic; all if it is empty
	Found    func(Difference) error // is called with each difference
	Progress func(done, total int)  // records of the logs; may be nil
}

// Difference is a row that is not as the log says.
type Difference struct {
	Topic      string         `json:"topic"`
	Key        string         `json:"key"`
	Log        map[string]any `json:"log"`                   // the row as the log says; null if the log has no event of the key
	Copy       map[string]any `json:"copy"`                  // the row as it is; null if there is none
	DeadLetter *int64         `json:"dead_letter,omitempty"` // an open one of the key
}

// Verified is the result of Verify for one copy.
type Verified struct {
	Topic       string `json:"topic"`
	Rows        int64  `json:"rows"` // of the copy
	Differences int64  `json:"differences"`
	NotRead     int64  `json:"not_read"`   // keys with events that the consumer has not read yet; they are not compared
	Unreadable  int64  `json:"unreadable"` // events that the handler cannot apply
}

// LogReader is the part of broker.Client that reads logs.
type LogReader interface {
	Logs
	ReadRange(ctx context.Context, tp broker.TopicPartition, from, to int64, f func(broker.Fetched) error) error
}

// Verify compares the copies with the logs, row by row. It changes nothing, and the consumer may run meanwhile.
//
// It has a connection of its own, on which temporary tables hide the copies and the tables beside them. It calls the handlers
// with all events up to the consumer's position, so they build the copies again, by the same rules. Then it compares these
// with the real ones, in a snapshot that also has the positions. Its memory does not grow with the logs: the temporary
// tables are on the disk of the database server.
func (c *Consumer[T]) Verify(ctx context.Context, kafka LogReader, cfg VerifyConfig, o VerifyOptions) ([]Verified, error) {
	conn, err := pgx.ConnectConfig(ctx, c.pool.Config().ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("open a connection for the comparison: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // this also drops the temporary tables
	// Reading a log may take longer than the time-outs of usual sessions.
	if _, err := conn.Exec(ctx, "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; "+pgtx.AllPlans); err != nil {
		return nil, fmt.Errorf("prepare the comparison: %w", err)
	}
	v := &verification[T]{c: c, conn: conn, kafka: kafka, cfg: cfg, options: o, read: map[broker.TopicPartition]int64{}}
	for _, table := range cfg.Copies {
		if o.Topic == "" || table.Topic == o.Topic {
			v.copies = append(v.copies, &verifiedCopy{Copy: table, result: Verified{Topic: table.Topic}})
		}
	}
	if len(v.copies) == 0 {
		return nil, &Error{Code: CodeTopicNotRead, Detail: "this service has no copy that it fills from the topic " + o.Topic}
	}
	if err := v.hideTables(ctx); err != nil {
		return nil, err
	}
	if err := v.rebuild(ctx); err != nil {
		return nil, err
	}
	if err := v.compare(ctx); err != nil {
		return nil, err
	}
	results := make([]Verified, len(v.copies))
	for i, one := range v.copies {
		results[i] = one.result
	}
	return results, nil
}

type verification[T any] struct {
	c           *Consumer[T]
	conn        *pgx.Conn
	kafka       LogReader
	cfg         VerifyConfig
	options     VerifyOptions
	copies      []*verifiedCopy
	read        map[broker.TopicPartition]int64 // the offset up to which the handlers have got the events
	began       map[broker.TopicPartition]int64 // the positions at the beginning
	done, total int
}

type verifiedCopy struct {
	Copy
	real   string // the table with its schema, quoted
	result Verified
}

// hideTables creates empty temporary tables, which hide the real tables of the same names.
func (v *verification[T]) hideTables(ctx context.Context) error {
	tables := v.cfg.Beside
	for _, one := range v.cfg.Copies {
		tables = append(tables[:len(tables):len(tables)], one.Table)
	}
	real := map[string]string{}
	for _, table := range tables {
		var schema string
		err := v.conn.QueryRow(ctx, `SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.oid = to_regclass($1)`, table).Scan(&schema)
		if err != nil {
			return fmt.Errorf("find the table %s: %w", table, err)
		}
		real[table] = pgx.Identifier{schema, table}.Sanitize()
		_, err = v.conn.Exec(ctx, fmt.Sprintf("CREATE TEMPORARY TABLE %s (LIKE %s INCLUDING ALL)", pgx.Identifier{table}.Sanitize(), real[table]))
		if err != nil {
			return fmt.Errorf("create a temporary table like %s: %w", table, err)
		}
	}
	for _, one := range v.copies {
		one.real = real[one.Table]
	}
	_, err := v.conn.Exec(ctx, `CREATE TEMPORARY TABLE not_read (topic text, key text, PRIMARY KEY (topic, key))`)
	return err
}

// rebuild calls the handlers with what the consumer has read. The consumer reads on meanwhile; compare does the rest.
func (v *verification[T]) rebuild(ctx context.Context) error {
	positions, err := v.positions(ctx, messagingdb.New(v.conn))
	if err != nil {
		return err
	}
	v.began = positions
	for _, one := range v.copies {
		n, err := v.kafka.Partitions(ctx, one.Topic)
		if err != nil {
			return fmt.Errorf("read the log of %s: %w", one.Topic, err)
		}
		for p := range n {
			tp := broker.TopicPartition{Topic: one.Topic, Partition: p}
			if v.read[tp], err = v.kafka.StartOffset(ctx, tp); err != nil {
				return fmt.Errorf("find the start of %s: %w", tp, err)
			}
			v.total += int(max(0, positions[tp]-v.read[tp]))
		}
	}
	for _, one := range v.copies {
		for tp := range v.read {
			if tp.Topic != one.Topic {
				continue
			}
			if err := v.replay(ctx, one, tp, positions[tp], v.inOwnTx); err != nil {
				return err
			}
		}
	}
	return nil
}

// positions returns the stored positions. It fails if one of them belongs to another topic than the present one.
func (v *verification[T]) positions(ctx context.Context, q *messagingdb.Queries) (map[broker.TopicPartition]int64, error) {
	rows, err := q.ListPositions(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the positions: %w", err)
	}
	present := map[string]broker.TopicID{}
	for _, one := range v.copies {
		if present[one.Topic], err = v.kafka.TopicID(ctx, one.Topic); err != nil {
			return nil, fmt.Errorf("read the log of %s: %w", one.Topic, err)
		}
	}
	positions := map[broker.TopicPartition]int64{}
	for _, r := range rows {
		id, wanted := present[r.Topic]
		if stored := broker.TopicID(r.TopicID); wanted && !stored.IsZero() && !id.IsZero() && stored != id {
			return nil, &Error{Code: CodeOtherTopic, Detail: fmt.Sprintf("the topic %s was created again, and the positions belong to the "+
				"earlier one: adopt the new topic first", r.Topic)}
		}
		positions[broker.TopicPartition{Topic: r.Topic, Partition: int(r.Part)}] = r.NextOffset
	}
	return positions, nil
}
