package repair_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/messaging/repair"
	"github.com/monsplit/monsplit/internal/messaging/request"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// fresh is a key in the shard of "changed", which is halted.
var fresh = func() string {
	for i := 0; ; i++ {
		if key := fmt.Sprint("fresh-", i); event.Partition([]byte(key), event.Partitions) == event.Partition([]byte("changed"), event.Partitions) {
			return key
		}
	}
}()

// parted is a system whose database came back from a backup, after more was published. Then the database changed on.
func parted(t *testing.T) *system {
	t.Helper()
	s := setup(t)
	for _, key := range []string{"same", "changed", "behind", "gone"} {
		s.must(s.change(key, key, false))
	}
	s.started()
	s.allSent()
	backup := s.backup()

	for range 3 {
		s.must(s.change("behind", "lost change", false))
	}
	s.must(s.change("changed", "lost change of changed", false))
	s.must(s.change("gone", "gone", true))
	s.must(s.change("new", "new", false))
	s.must(s.change("taken", "a name", false))
	s.must(s.change("short", "short", false))
	s.must(s.change("short", "short", true))
	s.must(s.number("asked", 7))
	s.allSent()

	s.restore(backup)
	s.must(s.change("changed", "other change", false)) // version 2 with other content
	s.must(s.change(fresh, "a name", false))           // the name of a lost one
	kafkatest.Eventually(t, "publishing is halted", func() bool {
		return query[int64](s, `SELECT count(*) FROM outbox_halt WHERE code = 'histories_parted'`) > 0
	})
	return s
}

// number sends messages of a queue.
func (s *system) number(key string, n int) error {
	for range n {
		err := pgx.BeginFunc(s.Context(), s.Pool, func(tx pgx.Tx) error {
			number, err := request.NextNumber(s.Context(), tx, s.Publishes[1], key)
			if err != nil {
				return err
			}
			return outbox.Append(s.Context(), tx, thing{Key: key, Version: number}.message(s.Publishes[1]))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *system) allSent() {
	s.Helper()
	kafkatest.Eventually(s.T, "everything is sent", s.sent)
}

func TestReassert(t *testing.T) {
	t.Parallel()
	for lost, want := range map[repair.Lost]struct {
		things  map[string]string
		found   string
		results []repair.Reasserted
	}{
		repair.Recover: {
			things: map[string]string{"new": "2 new"},
			found:  "new 1 recovered, taken 1 deleted",
			results: []repair.Reasserted{
				{Raised: 4, Recovered: 1, Deleted: 1}, {Numbers: 1},
			},
		},
		repair.Delete: {
			things: map[string]string{"new": "2 deleted"},
			found:  "new 1 deleted, taken 1 deleted",
			results: []repair.Reasserted{
				{Raised: 4, Deleted: 2}, {Numbers: 1},
			},
		},
	} {
		t.Run(string(lost), func(t *testing.T) {
			t.Parallel()
			s := parted(t)
			want.results[0].Topic, want.results[1].Topic = s.Publishes[0], s.Publishes[1]
			var found []string
			options := repair.ReassertOptions{Lost: lost, DryRun: true, Found: func(l repair.LostAggregate) error {
				found = append(found, fmt.Sprint(l.Key, " ", l.Version, " ", l.Result))
				if (l.Key == "taken" && lost == repair.Recover) != strings.Contains(l.Reason, "thing_name") {
					t.Errorf("%s is %s: %s", l.Key, l.Result, l.Reason)
				}
				return nil
			}}
			before, logs := s.things(), s.logs()
			for range 2 {
				results, err := s.Reassert(t.Context(), operator, []repair.Model{s.model}, options)
				if err != nil || !slices.Equal(results, want.results) || strings.Join(found, ", ") != want.found {
					t.Fatalf("got %+v, %q, %v", results, found, err)
				}
				if !options.DryRun {
					break
				}
				if s.actions() != nil || !maps.Equal(s.things(), before) {
					t.Errorf("a dry run has changed something: %q, %q", s.actions(), s.things())
				}
				options.DryRun, found = false, nil
			}
			s.allSent()
			// The state of the database wins, with a version past those in the log.
			maps.Copy(want.things, map[string]string{
				"same": "2 same", "changed": "3 other change", "behind": "5 behind", "gone": "3 gone", fresh: "1 a name", "taken": "2 deleted",
			})
			if got := s.things(); !maps.Equal(got, want.things) {
				t.Errorf("the database has %q, want %q", got, want.things)
			}
			want.things["short"] = "2 deleted" // the database need not have it
			if got := last(s.logs()); !maps.Equal(got, want.things) {
				t.Errorf("the log has %q, want %q", got, want.things)
			}
			// The version that was given out twice is only in front of the one that replaces both.
			if got, want := s.logs()["changed"], append(logs["changed"], "2 other change", "3 other change"); !slices.Equal(got, want) {
				t.Errorf("the log of a key that has changed is %q, want %q", got, want)
			}
			s.must(s.number("asked", 1))
			if n := query[int64](s, `SELECT last FROM message_number`); n != 8 {
				t.Errorf("the next number is %d", n)
			}
			if got := s.actions(); !slices.Equal(got, []string{"ann: outbox reassert: the disk of the broker was lost"}) {
				t.Errorf("recorded %q", got)
			}
			s.must(s.change("behind", "on", false))
			s.must(s.change(fresh, "on", true))
			s.allSent()
			if n := query[int64](s, `SELECT count(*) FROM outbox_halt`); n != 0 {
				t.Errorf("%d shards are halted", n)
			}
		})
	}
}

// Without the command's own setting, or without its record, a version cannot jump.
func TestVersionsJumpOnlyInReassert(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.must(s.change("thing", "thing", false))
	jump := func(prepare string) error {
		return pgx.BeginFunc(t.Context(), s.Pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), prepare); err != nil {
				return err
			}
			events, err := s.model.Raise(t.Context(), tx, []repair.Published{{Key: "thing", Version: 7}})
			if err != nil {
				return err
			}
			return outbox.Append(t.Context(), tx, events...)
		})
	}
	insert := func(command string) string {
		return fmt.Sprintf(`WITH a AS (INSERT INTO operator_action (by_whom, command, reason, detail) VALUES ('ann', '%s', '', '{}') RETURNING id)
			SELECT set_config('messaging.reassert', id::text, true) FROM a`, command)
	}
	for name, prepare := range map[string]string{
		"no setting": `SELECT 1`, "an empty setting": `SELECT set_config('messaging.reassert', '', true)`,
		"no record": `SELECT set_config('messaging.reassert', '99', true)`, "another command": insert("adopt"),
	} {
		if err := jump(prepare); err == nil || !strings.Contains(err.Error(), "without its event") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := jump(insert("outbox reassert")); err != nil {
		t.Error(err)
	}
}

// Interrupted at each place, the command can be run again.
func TestReassertIsInterrupted(t *testing.T) {
	t.Parallel()
	s := parted(t)
	models := []repair.Model{s.model}
	for steps := 1; ; steps++ {
		ctx, cancel := context.WithCancel(t.Context())
		left := steps
		_, err := s.Reassert(ctx, operator, models, repair.ReassertOptions{Lost: repair.Recover, Progress: func(int, int) {
			if left--; left == 0 {
				cancel()
			}
		}})
		done := ctx.Err() == nil
		cancel()
		if done != (err == nil) || !done && !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d steps: %v", steps, err)
		}
		if done {
			break
		}
	}
	s.allSent()
	got := s.things()
	if last := last(s.logs()); last["new"] != got["new"] || last["behind"] != got["behind"] || !strings.HasSuffix(got["new"], " new") {
		t.Errorf("the log has %q, the database %q", last, got)
	}
}

// What is no event of the model is told, and changes nothing.
func TestReassertWithForeignRecords(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.must(s.change("thing", "thing", false))
	s.started()
	s.allSent()
	e := thing{Key: "foreign", Version: 3}.message(s.model.Topic)
	for key, value := range map[string]string{"junk": "this is no event", "foreign": strings.ReplaceAll(string(e.Payload), "thing.", "other.")} {
		tp := broker.TopicPartition{Topic: s.model.Topic, Partition: event.Partition([]byte(key), event.Partitions)}
		s.kafka.Write(t, tp, broker.Record{Key: []byte(key), Value: []byte(value), Time: time.Now()})
	}
	var found []repair.LostAggregate
	results, err := s.Reassert(t.Context(), operator, []repair.Model{s.model}, repair.ReassertOptions{
		Lost: repair.Recover, Found: func(l repair.LostAggregate) error { found = append(found, l); return nil },
	})
	want := repair.Reasserted{Topic: s.model.Topic, Raised: 1, NotRebuilt: 1, Unreadable: 1}
	if err != nil || results[0] != want {
		t.Errorf("got %+v, %v", results, err)
	}
	if len(found) != 1 || found[0].Key != "foreign" || found[0].Result != "not rebuilt" || found[0].Reason == "" {
		t.Errorf("found %+v", found)
	}
}

// Versions that the log lacks are published as they are.
func TestReassertPublishesWhatTheLogLacks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.must(s.change("thing", "thing", false))
	s.started()
	s.allSent()
	s.exec(`SET session_replication_role = replica; INSERT INTO thing VALUES ('silent', 4, 'silent', false); RESET session_replication_role`)
	results, err := s.Reassert(t.Context(), operator, []repair.Model{s.model}, repair.ReassertOptions{Lost: repair.Delete})
	if want := (repair.Reasserted{Topic: s.model.Topic, Raised: 1, Appended: 1}); err != nil || results[0] != want {
		t.Errorf("got %+v, %v", results, err)
	}
	s.allSent()
	if got := last(s.logs())["silent"]; got != "4 silent" {
		t.Errorf("the log has %q", got)
	}
}

// Another cluster or another topic is not a lost commit.
func TestReassertNeedsTheSameLogs(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.must(s.change("thing", "thing", false))
	s.started()
	s.allSent()
	s.stop()
	for statement, want := range map[string]string{
		`UPDATE outbox_origin SET cluster_id = 'another'`:    "run adopt first",
		`UPDATE outbox_log SET topic_id = gen_random_uuid()`: "created again",
	} {
		s.exec(statement)
		_, err := s.Reassert(t.Context(), operator, []repair.Model{s.model}, repair.ReassertOptions{Lost: repair.Delete})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", statement, err)
		}
		s.exec(`UPDATE outbox_origin SET cluster_id = ''`)
	}
	if _, err := s.Reassert(t.Context(), operator, nil, repair.ReassertOptions{}); err == nil || !strings.Contains(err.Error(), "recover") {
		t.Errorf("without a choice: %v", err)
	}
}
