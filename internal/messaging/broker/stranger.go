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

// A member whose instance is registered in another database is a stranger. Schedule: a copy of production's database is
// started against production's Kafka. Both have the same group, so each would get half of the partitions, and would apply
// half of the events. Lag tools would show no lag. So the group's leader gives a stranger no partition, and both show why.
//
// Members tell their registered id and their host in the user data of the subscription. The leader tells a stranger that it
// is one in the user data of its assignment.

// Stranger is a member of the group that the leader's database does not know.
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
	"group. A copy of a database needs another prefix of topics and groups, or another cluster")

func (m *member) subscriptionData() []byte {
	if m.cfg.Member == "" {
		return nil
	}
	host, _ := os.Hostname() // only helps the operator
	return []byte(m.cfg.Member + " " + host)
}

// findStrangers returns the strangers among the members. A member that sends no id runs an earlier release, and is none.
func (m *member) findStrangers(ctx context.Context, members []joingroup.ResponseMember, userData [][]byte) ([]Stranger, error) {
	if m.cfg.Known == nil {
		return nil, nil
	}
	var candidates []Stranger
	for i, other := range members {
		if id, host, _ := strings.Cut(string(userData[i]), " "); id != "" {
			candidates = append(candidates, Stranger{MemberID: other.MemberID, Instance: id, Host: host})
		}
	}
	return m.unknown(ctx, candidates)
}

// unknown returns those whose instance the database does not know.
func (m *member) unknown(ctx context.Context, candidates []Stranger) (strangers []Stranger, err error) {
	if len(candidates) == 0 {
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
	g.status.setError(g.log, "strangers", "members of the consumer group belong to another database and get no partition",
		errors.New(list(names)))
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
