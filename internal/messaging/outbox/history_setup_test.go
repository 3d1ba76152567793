package outbox

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// The tables of the outbox, as a backup has them.
var outboxTables = []string{"outbox_event", "outbox_pending", "outbox_blocked", "outbox_lease", "outbox_log", "outbox_origin", "outbox_halt"}

// backup is a copy of tables.
type backup struct {
	tables map[string][]byte
	seq    int64
}

func (b *bundle) backup(tables ...string) backup {
	b.t.Helper()
	copied := backup{tables: map[string][]byte{}}
	conn := b.conn(b.pool)
	for _, table := range tables {
		var rows bytes.Buffer
		if _, err := conn.PgConn().CopyTo(b.t.Context(), &rows, `COPY (SELECT * FROM `+table+`) TO STDOUT`); err != nil {
			b.t.Fatal(err)
		}
		copied.tables[table] = rows.Bytes()
	}
	if err := conn.QueryRow(b.t.Context(), `SELECT last_value FROM outbox_seq`).Scan(&copied.seq); err != nil {
		b.t.Fatal(err)
	}
	return copied
}

// restore makes the tables of a database as they were. The sequence only goes back together with the events.
func (b *bundle) restore(pool *pgxpool.Pool, from backup) {
	b.t.Helper()
	conn := b.conn(pool)
	for table, rows := range from.tables {
		if _, err := conn.Exec(b.t.Context(), `TRUNCATE `+table); err != nil {
			b.t.Fatal(err)
		}
		if _, err := conn.PgConn().CopyFrom(b.t.Context(), bytes.NewReader(rows), `COPY `+table+` FROM STDIN`); err != nil {
			b.t.Fatal(err)
		}
		if table == "outbox_event" {
			b.exec(pool, `SELECT setval('outbox_seq', $1)`, from.seq)
		}
	}
}

func (b *bundle) conn(pool *pgxpool.Pool) *pgx.Conn {
	b.t.Helper()
	conn, err := pool.Acquire(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(conn.Release)
	return conn.Conn()
}

func (b *bundle) exec(pool *pgxpool.Pool, statement string, args ...any) {
	b.t.Helper()
	if _, err := pool.Exec(b.t.Context(), statement, args...); err != nil {
		b.t.Fatal(err)
	}
}

// clone returns a copy of the database and its relays, on the same Kafka.
func (b *bundle) clone() *bundle {
	b.t.Helper()
	other := *b
	other.pool = pgtest.New(b.t, messagingMigrations())
	b.restore(other.pool, b.backup(outboxTables...))
	return &other
}

// keyOfEachShard returns one key for each shard.
func keyOfEachShard() (keys [event.Partitions]string) {
	for i, left := 0, event.Partitions; left > 0; i++ {
		key := fmt.Sprint("key-", i)
		if p := event.Partition([]byte(key), event.Partitions); keys[p] == "" {
			keys[p] = key
			left--
		}
	}
	return keys
}

// appendToEachShard commits the same version of one key for each shard.
func (b *bundle) appendToEachShard(topic string, version int64) {
	b.t.Helper()
	var msgs []event.Message
	for _, key := range keyOfEachShard() {
		msgs = append(msgs, message(topic, key, version))
	}
	b.append(msgs...)
}

// wantEachShard checks the log of one key for each shard.
func (b *bundle) wantEachShard(topic string, want ...int64) {
	b.t.Helper()
	for _, key := range keyOfEachShard() {
		b.wantLog(topic, key, want...)
	}
}

// halted reports whether the relay halts shards with a code.
func (r *runningRelay) halted(code HaltCode, shards int) func() bool {
	return func() bool {
		n := 0
		for _, h := range r.State().Halted {
			if h.Code == code {
				n += len(h.Shards)
			}
		}
		return n == shards
	}
}

func (r *runningRelay) waitForHalt(code HaltCode, shards int) {
	r.b.t.Helper()
	kafkatest.Eventually(r.b.t, fmt.Sprintf("%d shards are halted with %s", shards, code), r.halted(code, shards))
	s, err := ReadStatus(r.b.t.Context(), r.b.pool)
	if err != nil {
		r.b.t.Fatal(err)
	}
	if n := len(slices.DeleteFunc(s.Halted, func(h HaltedShard) bool { return h.Code != code })); n != shards {
		r.b.t.Errorf("the status shows %d shards with %s: %+v", n, code, s.Halted)
	}
}

func (r *runningRelay) waitUntilNotHalted() {
	r.b.t.Helper()
	kafkatest.Eventually(r.b.t, "nothing is halted", func() bool {
		s := r.State()
		return len(s.Halted) == 0 && len(s.Shards) == allShards
	})
	if s, err := ReadStatus(r.b.t.Context(), r.b.pool); err != nil || len(s.Halted) != 0 {
		r.b.t.Errorf("the status still shows halts: %+v, %v", s.Halted, err)
	}
}

// adopt accepts the present logs.
func (b *bundle) adopt(unknownEvents bool) []AdoptedLog {
	b.t.Helper()
	present, err := LookAtLogs(b.t.Context(), b.kafka.Direct(), b.topics())
	if err != nil {
		b.t.Fatal(err)
	}
	var adopted []AdoptedLog
	if err := pgx.BeginFunc(b.t.Context(), b.pool, func(tx pgx.Tx) (err error) {
		adopted, err = Adopt(b.t.Context(), tx, present, unknownEvents)
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
	return adopted
}

func (b *bundle) number(query string, args ...any) (n int64) {
	b.t.Helper()
	if err := b.pool.QueryRow(b.t.Context(), query, args...).Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// publishOnce runs a relay until everything is sent, and stops it.
func (b *bundle) publishOnce(t *testing.T, name string) {
	t.Helper()
	relay := b.start(name)
	b.waitUntilSent()
	relay.waitForShards(allShards)
	relay.stop()
}
