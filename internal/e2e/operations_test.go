package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// A topic is deleted and created again: both services halt. After the commands, the copy is as before, and changes arrive.
func TestOperationsTopicRecreated(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	for i := range 30 {
		s.createProduct(fmt.Sprintf("Before %02d", i))
	}
	s.settled()
	s.typeIn("First look")
	s.kafka.Reset(t, productTopic)
	s.kafka.CreateTopic(t, productTopic, event.Partitions)
	for i := range 30 {
		s.createProduct(fmt.Sprintf("Meanwhile %02d", i))
	}
	s.degraded(s.monolith, "topic_recreated")
	s.degraded(s.catalog, "topic_recreated")
	s.typeIn("topic_recreated")
	s.createProduct("Afterwards")
	s.settled()
}

// The log of the owner has lost its end: here, the owner has stored a later end. After the commands it publishes again.
func TestOperationsLogTruncated(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.createProduct("Before")
	s.settled()
	s.haltMonolith("log_truncated", `UPDATE outbox_log SET acked_end = acked_end + 1000 WHERE topic = 'monsplit.product.v1'`)
	s.createProduct("Meanwhile")
	s.typeIn("log_truncated")
	s.settled()
}

// The owner has published to another cluster before.
func TestOperationsForeignCluster(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.createProduct("Before")
	s.settled()
	s.haltMonolith("foreign_cluster", `UPDATE outbox_origin SET cluster_id = 'another'`)
	s.createProduct("Meanwhile")
	s.typeIn("foreign_cluster")
	s.settled()
}

// haltMonolith changes the monolith's database while the monolith is stopped, so that it halts with the code.
func (s *system) haltMonolith(code, statement string) {
	s.t.Helper()
	s.monolith.terminate()
	if _, err := pgtest.Open(s.t, s.monolithDB).Exec(s.t.Context(), statement); err != nil {
		s.t.Fatal(err)
	}
	s.monolith = s.startMonolith()
	s.degraded(s.monolith, code)
}

// While the catalog is stopped, Kafka deletes records that it has not read. The last event of the product is still there.
func TestOperationsRecordsDeleted(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	p := s.createProduct("Before")
	s.settled()
	s.catalog.terminate()
	for i := range 3 {
		s.patchProduct(p, map[string]any{"name": fmt.Sprint("Changed ", i)})
	}
	s.drained(s.monolithDB)
	tp := partitionOf(p)
	s.kafka.DeleteRecords(t, tp, int64(len(s.kafka.Log(t, tp))-1))
	s.catalog = s.startCatalog()
	s.degraded(s.catalog, "records_deleted")
	s.typeIn("records_deleted")
	s.settled()
}

// A record has a wrong checksum.
func TestOperationsLogUnreadable(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.createProduct("Before")
	s.settled()
	s.catalog.terminate()
	p := s.createProduct("Damaged")
	s.drained(s.monolithDB)
	tp := partitionOf(p)
	log := s.kafka.Log(t, tp)
	e, err := event.Decode(log[len(log)-1].Value)
	if err != nil {
		t.Fatal(err)
	}
	s.kafka.Damage(e.ID)
	s.catalog = s.startCatalog()
	s.degraded(s.catalog, "log_unreadable")
	s.typeIn("log_unreadable", "--partition 3", fmt.Sprint("--partition ", tp.Partition))
	s.settled()
}

func partitionOf(product map[string]any) broker.TopicPartition {
	key := []byte(product["product_uuid"].(string))
	return broker.TopicPartition{Topic: productTopic, Partition: event.Partition(key, event.Partitions)}
}

// A test environment on a copy of the monolith's database publishes to the same Kafka while the original is quiet.
func TestOperationsFencedByAnother(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	p := s.createProduct("Before")
	s.settled()
	s.monolith.terminate()
	cloneDB := backup(t, s.monolithDB)
	s.monolith = s.startMonolith()
	eventually(t, "the original has compared its logs", func() bool {
		return s.monolith.metric(`monsplit_outbox_stage_seconds_count\{stage="compare"\}`) >= monolithShards
	})
	clone := &process{}
	for range 3 { // the epoch of a shard rises each time that an instance takes it
		if clone.cmd != nil {
			clone.terminate()
		}
		clone = start(t, "monolith", s.env(cloneDB)...)
		eventually(t, "the copy has all shards", func() bool { return holders(t, cloneDB)[clone.instance()] == monolithShards })
	}
	call(t, http.MethodPatch, clone.url(fmt.Sprint("/api/v1/product/", p["id"])), map[string]any{"name": "In the test"}).must(t, http.StatusOK)
	eventually(t, "the copy publishes", func() bool {
		log := s.kafka.Log(t, partitionOf(p))
		return strings.Contains(string(log[len(log)-1].Value), "In the test")
	})
	s.patchProduct(p, map[string]any{"name": "In production again"})
	s.degraded(s.monolith, "fenced_by_another")
	clone.terminate()
	s.typeIn("fenced_by_another")
	s.degraded(s.monolith, "histories_parted")
	s.typeIn("histories_parted")
	s.settled()
}

// A test environment on a copy of the catalog's database joins the same consumer group.
func TestOperationsAnotherDatabase(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.createProduct("Before")
	s.settled()
	s.catalog.terminate()
	environment := s.env(backup(t, s.catalogDB))
	s.catalog = s.startCatalog()
	s.createProduct("In production")
	s.settled()
	clone := launch(t, "catalog", environment...)
	s.degraded(s.catalog, "another_database")
	s.createProduct("Meanwhile")
	s.settled()
	clone.terminate()
	eventually(t, "the alarm ends", func() bool {
		return !contains(call(t, http.MethodGet, s.catalog.url("/readyz"), nil).raw, "another_database")
	})
}

// The database of an owner comes back from a backup, and is changed before anybody notices. The state of the database wins, and
// what only the log has is rebuilt.
func TestOperationsHistoriesParted(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	kept := s.createProduct("In the backup")
	s.settled()
	s.monolith.terminate()
	saved := backup(t, s.monolithDB)
	s.monolith = s.startMonolith()
	lost := s.createProduct("After the backup")
	s.patchProduct(kept, map[string]any{"name": "Changed after the backup"})
	s.settled()

	s.monolith.terminate()
	s.monolithDB = saved
	s.monolith = s.startMonolith()
	s.patchProduct(kept, map[string]any{"name": "Changed after the restore"})
	s.degraded(s.monolith, "histories_parted")
	s.typeIn("histories_parted")
	s.settled()
	names := rows(t, s.catalogDB, `SELECT name, version FROM product_copy ORDER BY name`)
	if want := []string{"After the backup 2", "Changed after the restore 3"}; !slices.Equal(names, want) {
		t.Errorf("the catalog has %q, want %q", names, want)
	}
	if again := rows(t, s.monolithDB, `SELECT product_uuid::text FROM product WHERE name = 'After the backup'`); !slices.Equal(again, []string{lost["product_uuid"].(string)}) {
		t.Errorf("the monolith has %q", again)
	}
	s.createProduct("Afterwards")
	s.settled()
}

// An event has the version of the copy, but other data. After the commands, the topic ends with the owner's data again.
func TestOperationsCopyConflict(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	p := s.createProduct("Before")
	s.settled()
	key := []byte(p["product_uuid"].(string))
	tp := broker.TopicPartition{Topic: productTopic, Partition: event.Partition(key, event.Partitions)}
	log := s.kafka.Log(t, tp)
	byHand := log[len(log)-1].Record
	byHand.Value = bytes.Replace(byHand.Value, []byte("Before"), []byte("By hand"), 1)
	s.kafka.Write(t, tp, byHand)
	s.degraded(s.catalog, consumer.CopyConflict)
	if r := command(t, s.env(s.catalogDB), "catalog", "copy", "verify"); r.code != 1 || !contains(r.stdout, `name is "Before" instead of "By hand"`) {
		t.Errorf("copy verify: %+v", r)
	}
	s.typeIn("copy_conflict")
	s.noLongerDegraded(s.catalog, consumer.CopyConflict)
	s.settled()
	s.kafka.Write(t, tp, byHand)
	s.degraded(s.catalog, consumer.CopyConflict)
	s.typeIn("histories_parted") // it publishes everything with higher versions
	s.noLongerDegraded(s.catalog, consumer.CopyConflict)
	s.settled()
	command(t, s.env(s.catalogDB), "catalog", "copy", "verify").ok(t)
}

// An operator pauses the reading of a topic, and its publishing. The changes arrive when both are resumed.
func TestOperationsPaused(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	s.createProduct("Before")
	s.settled()
	command(t, s.env(s.catalogDB), "catalog", "consumer", "pause", "--topic="+productTopic, "--reason=maintenance").ok(t)
	s.createProduct("Meanwhile")
	s.degraded(s.catalog, "paused")
	command(t, s.env(s.monolithDB), "monolith", "outbox", "pause", "--topic="+productTopic, "--reason=maintenance").ok(t)
	s.degraded(s.monolith, "paused")
	s.createProduct("While both are paused")
	if r := command(t, s.env(s.monolithDB), "monolith", "outbox", "status").ok(t); !contains(r.stdout, "maintenance") {
		t.Errorf("outbox status does not show the pause: %s", r.stdout)
	}
	s.typeIn("paused")
	s.noLongerDegraded(s.monolith, "paused")
	s.settled()
}

// A publisher sends many events that cannot be read. The first ones are kept, and the partition waits for an operator.
func TestOperationsManyDeadLetters(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	p := s.createProduct("Good")
	s.settled()
	key, tp := p["product_uuid"].(string), partitionOf(p)
	value := s.kafka.Log(t, tp)[0].Value
	for range 30 {
		id := uuid.NewString()
		broken := append([]byte("broken"), bytes.ReplaceAll(value, []byte(key), []byte(id))...)
		s.kafka.Write(t, tp, broker.Record{Key: []byte(id), Value: broken, Time: time.Now()})
	}
	letters := func(n int) {
		t.Helper()
		s.degraded(s.catalog, "many_dead_letters")
		if got := rows(t, s.catalogDB, `SELECT count(*) FROM dead_letter`); got[0] != fmt.Sprint(n) {
			t.Fatalf("%s dead letters, want %d", got[0], n)
		}
	}
	letters(20)
	// As if a new version of the service could read them.
	if _, err := pgtest.Open(t, s.catalogDB).Exec(t.Context(), `UPDATE dead_letter SET value = substr(value, 7)`); err != nil {
		t.Fatal(err)
	}
	s.typeIn("many_dead_letters")
	eventually(t, "the rest is dead letters, too few for a pause", func() bool {
		return slices.Equal(rows(t, s.catalogDB, `SELECT count(*), count(*) FILTER (WHERE state = 'replayed') FROM dead_letter`), []string{"30 20"})
	})
	s.createProduct("Afterwards")
	eventually(t, "the topic is read on", func() bool {
		return len(rows(t, s.catalogDB, `SELECT FROM product_copy WHERE name = 'Afterwards'`)) == 1
	})
}

// An event that cannot be read is kept. When its cause is gone, it is replayed.
func TestOperationsDeadLetters(t *testing.T) {
	t.Parallel()
	s := newSystem(t)
	p := s.createProduct("Before the poison")
	s.settled()
	tp := partitionOf(p)
	log := s.kafka.Log(t, tp)
	s.kafka.Write(t, tp, broker.Record{Key: log[0].Key, Value: []byte("this is not an event"), Time: time.Now()})
	eventually(t, "the dead letter is open", func() bool { return len(rows(t, s.catalogDB, `SELECT id FROM dead_letter WHERE state = 'open'`)) == 1 })
	// As if a new version of the service could read it.
	if _, err := pgtest.Open(t, s.catalogDB).Exec(t.Context(), `UPDATE dead_letter SET value = $1`, log[len(log)-1].Value); err != nil {
		t.Fatal(err)
	}
	s.typeIn("dead_letters", " 1", " "+rows(t, s.catalogDB, `SELECT id FROM dead_letter WHERE state = 'open'`)[0])
	s.settled()
}
