package consumer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// verified is a consumer that has read a topic, and how its copy is compared.
type verified struct {
	*bundle
	kafka *kafkatest.Broker
	topic string
	stop  func()
}

// readAll returns a consumer that reads a topic with these records, as far as it can.
func readAll(t *testing.T, records ...broker.Record) *verified {
	t.Helper()
	return readAllWith(t, func(*consumer.Config[*tx]) {}, records...)
}

func readAllWith(t *testing.T, change func(*consumer.Config[*tx]), records ...broker.Record) *verified {
	t.Helper()
	v := &verified{kafka: kafkatest.New(t)}
	v.topic = v.kafka.CreateTopic(t, "thing", 2)
	v.bundle = setup(t, read(v.kafka, v.topic), change)
	v.write(records...)
	v.stop = v.start(v.kafka)
	v.wait()
	return v
}

// write appends records, each key always to the same partition.
func (v *verified) write(records ...broker.Record) {
	v.t.Helper()
	for _, r := range records {
		v.kafka.Write(v.t, broker.TopicPartition{Topic: v.topic, Partition: int(r.Key[0]) % 2}, r)
	}
}

func (v *verified) wait() {
	v.t.Helper()
	kafkatest.Eventually(v.t, "all is applied", func() bool { return v.caughtUp(v.kafka, v.topic, 2) })
}

// verify returns the differences as text, and the result.
func (v *verified) verify() (string, consumer.Verified, error) {
	v.t.Helper()
	var found []string
	results, err := v.Verify(v.t.Context(), v.kafka.Client(v.t), consumer.VerifyConfig{
		Copies: []consumer.Copy{{Topic: v.topic, Table: "thing_copy", Key: "id"}}, Beside: []string{"thing_change", "late_unique"},
	}, consumer.VerifyOptions{Found: func(d consumer.Difference) error {
		text := fmt.Sprintf("%s log %v copy %v", d.Key, d.Log["name"], d.Copy["name"])
		if d.DeadLetter != nil {
			text += " letter"
		}
		found = append(found, text)
		return nil
	}})
	if err != nil {
		return "", consumer.Verified{}, err
	}
	return strings.Join(found, ", "), results[0], nil
}

func (v *verified) want(differences string, want consumer.Verified) {
	v.t.Helper()
	want.Topic = v.topic
	if got, result, err := v.verify(); err != nil || got != differences || result != want {
		v.t.Errorf("found %q, %+v, %v\nwant  %q, %+v", got, result, err, differences, want)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	v := readAll(t, named("a", 1), named("b", 1), named("a", 2), named("c", 1), named("d", 1), named("e", 1), purge("e"))
	changes := query[int](v.bundle, `SELECT count(*) FROM thing_change`)
	v.want("", consumer.Verified{Rows: 5})
	for _, damage := range []string{
		`UPDATE thing_copy SET name = 'damaged' WHERE id = 'a'`,
		`UPDATE thing_copy SET version = 9 WHERE id = 'b'`,
		`DELETE FROM thing_copy WHERE id = 'c'`,
		`INSERT INTO thing_copy (id, version, name) VALUES ('x', 1, 'foreign'), ('stub', 0, NULL)`,
		`INSERT INTO thing_copy (id, version, name, deleted) VALUES ('y', 1, NULL, true)`, // purged, and compacted away
	} {
		if _, err := v.pool.Exec(t.Context(), damage); err != nil {
			t.Fatal(err)
		}
	}
	const differences = "a log a v2 copy damaged, b log b v1 copy b v1, c log c v1 copy <nil>, x log <nil> copy foreign"
	v.want(differences, consumer.Verified{Rows: 6, Differences: 4})
	v.want(differences, consumer.Verified{Rows: 6, Differences: 4}) // again
	if n := query[int](v.bundle, `SELECT count(*) FROM thing_change`); n != changes {
		t.Errorf("the comparison has left %d changes", n-changes)
	}
}

// Events that the consumer has not read yet are no differences. An event that it could not apply is one.
func TestVerifyKnowsTheReasons(t *testing.T) {
	t.Parallel()
	v := readAll(t, named("a", 1), named("b", 1), failing("c", 1, "poison"), raw("d", "no event"))
	v.want("", consumer.Verified{Rows: 2, Unreadable: 2}) // nothing could apply them
	v.stop()
	v.write(named("a", 2), named("c", 2))
	v.want("", consumer.Verified{Rows: 2, NotRead: 2, Unreadable: 2})
	// The copy has lost a row, and there is a dead letter that explains it.
	if _, err := v.pool.Exec(t.Context(), `DELETE FROM thing_copy; UPDATE dead_letter SET key = 'b' WHERE key = 'c'`); err != nil {
		t.Fatal(err)
	}
	v.want("b log b v1 copy <nil> letter", consumer.Verified{Differences: 1, NotRead: 2, Unreadable: 2})
}

// An event has the version of the copy, but other data. Compaction keeps the last one, so the copy differs from the log.
func TestVerifyTakesTheLastEventOfAVersion(t *testing.T) {
	t.Parallel()
	v := readAllWith(t, comparing, named("a", 1), other("a", 1), named("b", 1), other("b", 1), named("b", 1), named("c", 1), other("c", 1), named("c", 2))
	v.want("a log other copy a v1", consumer.Verified{Rows: 3, Differences: 1})
	v.write(named("a", 1))
	v.wait()
	v.want("", consumer.Verified{Rows: 3})
}

// Changes arrive while the copy is compared. They are never taken for differences.
func TestVerifyBesideTheConsumer(t *testing.T) {
	t.Parallel()
	v := readAll(t, named("a", 1))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for version := int64(2); version < 60; version++ {
			v.write(named("a", version), named("b", version))
		}
	}()
	for compared := 0; ; compared++ {
		if got, _, err := v.verify(); err != nil || got != "" {
			t.Errorf("found %q, %v", got, err)
		}
		select {
		case <-done:
			if compared > 0 {
				v.wait()
				v.want("", consumer.Verified{Rows: 2})
				return
			}
		default:
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	v := readAll(t, named("a", 1))
	v.stop()
	v.kafka.Reset(t, v.topic)
	v.kafka.CreateTopic(t, "thing", 2)
	if _, _, err := v.verify(); err == nil || !strings.Contains(err.Error(), "was created again") {
		t.Errorf("another topic: %v", err)
	}
	_, err := v.Verify(t.Context(), v.kafka.Client(t), consumer.VerifyConfig{}, consumer.VerifyOptions{Topic: "none"})
	if err == nil || !strings.Contains(err.Error(), "no copy that it fills from the topic none") {
		t.Errorf("a topic without a copy: %v", err)
	}
}
