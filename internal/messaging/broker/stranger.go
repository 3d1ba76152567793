package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/segmentio/kafka-go/protocol/joingroup"
)

// A member whose instance is registered in another database is a stranger. H32 cloned database: a copy of production's
// database is started against production's Kafka. Both have the same group, so each would get half of the partitions, and
// would apply half of the events. Lag tools would show no lag. So the group's leader gives a stranger no partition, and both
// show why.
//
// The copy of the database also has a copy of production's registrations. So the leader alone is not enough: if it belongs to
// the copy, it knows production's members. They do not know it, and take nothing from it. Then production stands still and
// says so, until the copy is stopped. Nothing is lost, because positions are in the database.
//
// Members tell their registered id and their host in the user data of the subscription. The leader tells its own, or a
// refusal, in the user data of each assignment.

// Stranger is a member of the group that this member's database does not know.
type Stranger struct {
	MemberID string // the id that Kafka gave to the member
	Instance string // GroupConfig.Member of that instance
	Host     string
}

// String names the stranger for an operator.
func (s Stranger) String() string {
	return fmt.Sprintf("instance %s on host %s (member %s)", s.Instance, cmp.Or(s.Host, "unknown"), s.MemberID)
}

// refusal is the user data of a stranger's assignment.
const refusal = "refused: unknown instance"

// errRefused is the state of a stranger.
var errRefused = errors.New("the group's leader does not find this instance in its database: two databases use one consumer " +
	"group. A copy of a database needs another prefix of topics and groups, or another cluster. See docs/operations.md, section " +
	"another_database")

// instanceData tells who this member is; nil if it is not registered.
func (m *member) instanceData() []byte {
	if m.cfg.Member == "" {
		return nil
	}
	host, _ := os.Hostname() // only helps the operator
	return []byte(m.cfg.Member + " " + host)
}

func parseInstance(memberID string, data []byte) (s Stranger, ok bool) {
	id, host, _ := strings.Cut(string(data), " ")
	return Stranger{MemberID: memberID, Instance: id, Host: host}, id != ""
}

// findStrangers returns the strangers among the members. A member that sends no id runs an earlier release, and is none.
func (m *member) findStrangers(ctx context.Context, members []joingroup.ResponseMember, userData [][]byte) ([]Stranger, error) {
	var candidates []Stranger
	for i, other := range members {
		if s, ok := parseInstance(other.MemberID, userData[i]); ok {
			candidates = append(candidates, s)
		}
	}
	return m.unknown(ctx, candidates)
}

// acceptAssignment reports whether this member may read what the leader has assigned to it.
func (m *member) acceptAssignment(ctx context.Context, leaderID string, userData []byte) (bool, error) {
	if m.refused = string(userData) == refusal; m.refused {
		return false, nil
	}
	leader, ok := parseInstance(leaderID, userData)
	if !ok || leaderID == m.id {
		return true, nil
	}
	var err error
	m.strangers, err = m.unknown(ctx, []Stranger{leader})
	m.foreignLeader = len(m.strangers) > 0
	return !m.foreignLeader, err
}

// unknown returns those whose instance the database does not know.
func (m *member) unknown(ctx context.Context, candidates []Stranger) (strangers []Stranger, err error) {
	if len(candidates) == 0 || m.cfg.Known == nil {
		return nil, nil
	}
	ids := make([]string, len(candidates))
	for i, s := range candidates {
		ids[i] = s.Instance
	}
	known, err := m.cfg.Known(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("look the members' instances up: %w", err)
	}
	for _, s := range candidates {
		if !known[s.Instance] {
			strangers = append(strangers, s)
		}
	}
	return strangers, nil
}

// showStrangers puts what the member has learned about strangers into the group's state.
func (g *generation) showStrangers() {
	if g.member.refused {
		g.status.setError(g.log, "membership", "this instance gets no partition", errRefused)
	}
	g.status.setStrangers(g.member.strangers)
	if len(g.member.strangers) == 0 {
		return
	}
	var names []string
	for _, s := range g.member.strangers {
		names = append(names, s.String())
	}
	what := "members of the consumer group belong to another database and get no partition"
	if g.member.foreignLeader {
		what = "the consumer group's leader belongs to another database, so this instance takes no partition from it"
	}
	g.status.setError(g.log, "strangers", what+" (see docs/operations.md, section another_database)", errors.New(list(names)))
}

// awaitStrangers returns when the database knows a stranger after all. Then the partitions have to be shared again.
func (g *generation) awaitStrangers(ctx context.Context) {
	strangers := g.member.strangers
	for sleep(ctx, g.cfg.HaltRecheck) == nil {
		left, err := g.member.unknown(ctx, strangers)
		if err == nil && len(left) < len(strangers) {
			return
		}
	}
}
