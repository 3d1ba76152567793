package broker_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/testkit/kafkatest"
)

// registry is the table of instances of one database.
type registry struct {
	mu  sync.Mutex
	ids map[string]bool
	err error
}

func newRegistry(ids ...string) *registry {
	r := &registry{ids: map[string]bool{}}
	r.add(ids...)
	return r
}

func (r *registry) add(ids ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		r.ids[id] = true
	}
}

func (r *registry) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *registry) known(_ context.Context, ids []string) (map[string]bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]bool{}
	for _, id := range ids {
		out[id] = r.ids[id]
	}
	return out, r.err
}

// memberConfig is the configuration of an instance with an id in a database.
func memberConfig(id string, database *registry) broker.GroupConfig {
	return broker.GroupConfig{Member: id, Known: database.known, HeartbeatInterval: 50 * time.Millisecond,
		HaltRecheck: 20 * time.Millisecond}
}

func (b *bundle) hasPartitions(client *broker.Client, n int) func() bool {
	return func() bool { s := b.state(client); return s.Joined && len(s.Partitions) == n }
}

// Schedule: a copy of production's database is started against production's Kafka. Without the check, each database would
// get half of the partitions and apply half of the events, with no lag.
func TestMemberOfAnotherDatabaseGetsNoPartition(t *testing.T) {
	t.Parallel()
	b := setup(t)
	clone := b.Client(t)
	production, cloned := newCopies(), newCopies()
	b.consume(t, b.client, memberConfig("one", newRegistry("one")), production)
	kafkatest.Eventually(t, "production has all", b.hasPartitions(b.client, 2))
	stopClone := b.consume(t, clone, memberConfig("two", newRegistry("two")), cloned)

	var leader, refused *broker.Client
	kafkatest.Eventually(t, "one of them is refused, and knows it", func() bool {
		for _, pair := range [][2]*broker.Client{{b.client, clone}, {clone, b.client}} {
			leader, refused = pair[0], pair[1]
			if b.hasPartitions(leader, 2)() && b.hasPartitions(refused, 0)() && b.state(refused).LastError != "" {
				return true
			}
		}
		return false
	})
	if got := b.state(refused); !strings.Contains(got.LastError, "two databases use one consumer group") {
		t.Errorf("the refused member shows %q", got.LastError)
	}
	kafkatest.Eventually(t, "the leader names the stranger", func() bool {
		s := b.state(leader)
		return len(s.Strangers) == 1 && strings.Contains(s.LastError, "instance "+s.Strangers[0].Instance+" on host ")
	})
	b.write(t, 0, numbers(0, 5)...)
	b.write(t, 1, numbers(5, 10)...)
	kafkatest.Eventually(t, "one database has everything", func() bool { return production.count() == 10 || cloned.count() == 10 })
	if production.count()+cloned.count() != 10 {
		t.Errorf("production applied %d, the clone %d", production.count(), cloned.count())
	}
	stopClone()
	kafkatest.Eventually(t, "production works alone again", func() bool {
		s := b.state(b.client)
		return len(s.Partitions) == 2 && s.LastError == "" && len(s.Strangers) == 0
	})
	kafkatest.Eventually(t, "production has everything", func() bool { return production.count() == 10 })
}

// A copy of the database has a copy of production's registrations too.
func TestLeaderOfACopiedDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	clone := b.Client(t)
	production, cloned := newCopies(), newCopies()
	stopClone := b.consume(t, clone, memberConfig("two", newRegistry("one", "two")), cloned)
	kafkatest.Eventually(t, "the clone leads the group", b.hasPartitions(clone, 2))
	b.consume(t, b.client, memberConfig("one", newRegistry("one")), production)
	var got broker.GroupState
	kafkatest.Eventually(t, "one of them takes nothing, and says why", func() bool {
		for _, client := range []*broker.Client{b.client, clone} {
			if got = b.state(client); got.Joined && len(got.Partitions) == 0 && got.LastError != "" {
				return true
			}
		}
		return false
	})
	if len(got.Strangers) == 1 { // the clone leads, otherwise production refuses it
		if s := got.Strangers[0]; s.Instance != "two" || !strings.Contains(got.LastError, "leader belongs to another database") {
			t.Errorf("got %+v", got)
		}
	}
	b.write(t, 0, numbers(0, 5)...)
	b.write(t, 1, numbers(5, 10)...)
	kafkatest.Eventually(t, "one of them applies something", func() bool { return production.count() > 0 || cloned.count() > 0 })
	if production.count() > 0 && cloned.count() > 0 {
		t.Errorf("production has applied %d, the clone %d", production.count(), cloned.count())
	}
	stopClone()
	kafkatest.Eventually(t, "production has everything", func() bool { return production.count() == 10 })
	kafkatest.Eventually(t, "production shows no problem", func() bool { s := b.state(b.client); return s.Joined && s.LastError == "" })
}

func TestMembersOfOneDatabaseSharePartitions(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]string{"registered": "two", "of an earlier release, without an id": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			other := b.Client(t)
			database := newRegistry("one", "two")
			db := newCopies()
			b.consume(t, b.client, memberConfig("one", database), db)
			cfg := memberConfig(second, database)
			if second == "" {
				cfg.Known = nil
			}
			b.consume(t, other, cfg, db)
			kafkatest.Eventually(t, "both have one", func() bool {
				return b.hasPartitions(b.client, 1)() && b.hasPartitions(other, 1)()
			})
			for _, client := range []*broker.Client{b.client, other} {
				if s := b.state(client); s.LastError != "" || len(s.Strangers) > 0 {
					t.Errorf("got %+v", s)
				}
			}
		})
	}
}

// A registration that was removed by mistake comes back with the next renewal. Then the member must get its share without
// a restart.
func TestStrangerThatIsRegisteredLaterGetsItsShare(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.Client(t)
	database := newRegistry("one")
	db := newCopies()
	b.consume(t, b.client, memberConfig("one", database), db)
	kafkatest.Eventually(t, "the first has all", b.hasPartitions(b.client, 2))
	b.consume(t, other, memberConfig("two", database), db)
	kafkatest.Eventually(t, "the second is refused", func() bool {
		s := b.state(other)
		return s.Joined && len(s.Partitions) == 0 && s.LastError != ""
	})
	database.add("two")
	kafkatest.Eventually(t, "both have one", func() bool {
		return b.hasPartitions(b.client, 1)() && b.hasPartitions(other, 1)()
	})
	if s := b.state(other); s.LastError != "" {
		t.Errorf("the second still shows %q", s.LastError)
	}
}

// Without the database, nobody can tell who is a stranger. The leader waits for it.
func TestNothingIsAssignedWhileTheRegistrationsCannotBeRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	database := newRegistry("one")
	database.fail(errors.New("the database is away"))
	db := newCopies()
	b.write(t, 0, "waits")
	b.consume(t, b.client, memberConfig("one", database), db)
	kafkatest.Eventually(t, "the state says why", func() bool {
		return strings.Contains(b.state(b.client).LastError, "the database is away")
	})
	if db.count() != 0 {
		t.Error("a record was applied")
	}
	database.fail(nil)
	kafkatest.Eventually(t, "it is applied", func() bool { return db.count() == 1 })
}

func TestMemberIDHasNoSpace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cfg := broker.GroupConfig{GroupID: "g", Topics: []string{"t"}, Member: "a b"}
	if err := b.client.Consume(t.Context(), cfg, newCopies()); err == nil {
		t.Error("it is accepted")
	}
}
