package embeddedbroker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ghosts ends the membership of consumers that were killed while they joined their group. kfake starts a member's
// session only if the answer to its join could be written, so such a member would stay for ever, and so would nobody
// read its share of the partitions. Kafka starts the session whatever became of the answer.
type ghosts struct {
	mu    sync.Mutex
	heard map[member]deadline
}

type member struct{ group, id string }

// deadline is when a member has been silent for longer than a living one can be.
type deadline struct {
	patience time.Duration
	at       time.Time
}

const ghostCheck = 500 * time.Millisecond

// watch notes who is heard of. Control functions run one after the other, in the broker's own goroutine.
func (g *ghosts) watch(cluster *kfake.Cluster) {
	observe := func(key kmsg.Key, note func(kmsg.Request)) {
		cluster.ControlKey(key.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
			note(r)
			return nil, nil, false
		})
	}
	observe(kmsg.JoinGroup, func(r kmsg.Request) {
		join := r.(*kmsg.JoinGroupRequest)
		// A member is silent while it waits for the others to join, and then for no longer than its session.
		patience := time.Duration(join.SessionTimeoutMillis+join.RebalanceTimeoutMillis) * time.Millisecond
		g.joined(member{join.Group, join.MemberID}, patience)
	})
	observe(kmsg.SyncGroup, func(r kmsg.Request) {
		sync := r.(*kmsg.SyncGroupRequest)
		g.alive(member{sync.Group, sync.MemberID})
	})
	observe(kmsg.Heartbeat, func(r kmsg.Request) {
		beat := r.(*kmsg.HeartbeatRequest)
		g.alive(member{beat.Group, beat.MemberID})
	})
	observe(kmsg.LeaveGroup, func(r kmsg.Request) {
		leave := r.(*kmsg.LeaveGroupRequest)
		g.left(member{leave.Group, leave.MemberID})
		for _, m := range leave.Members {
			g.left(member{leave.Group, m.MemberID})
		}
	})
}

func (g *ghosts) joined(m member, patience time.Duration) {
	if m.id == "" { // it asks for an id first
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.heard[m] = deadline{patience, time.Now().Add(patience)}
}

func (g *ghosts) alive(m member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if d, ok := g.heard[m]; ok {
		g.heard[m] = deadline{d.patience, time.Now().Add(d.patience)}
	}
}

func (g *ghosts) left(m member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.heard, m)
}

// overdue takes out those that have been silent for too long.
func (g *ghosts) overdue(now time.Time) (silent []member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for m, d := range g.heard {
		if now.After(d.at) {
			silent = append(silent, m)
			delete(g.heard, m)
		}
	}
	return silent
}

// layToRest makes ghosts leave until ctx is done.
func (g *ghosts) layToRest(ctx context.Context, addr string, log *slog.Logger) {
	tick := time.NewTicker(ghostCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, m := range g.overdue(now) {
				if err := leave(ctx, addr, m); err != nil && ctx.Err() == nil {
					log.Warn("embedded broker: a dead consumer could not be taken out of its group", "group", m.group, "error", err)
				}
			}
		}
	}
}

// leave takes a member out of its group. That it is not in it any more is no error.
func leave(ctx context.Context, addr string, m member) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return err
	}
	defer client.Close()
	request := kmsg.NewPtrLeaveGroupRequest()
	request.Group = m.group
	one := kmsg.NewLeaveGroupRequestMember()
	one.MemberID = m.id
	request.Members = append(request.Members, one)
	_, err = request.RequestWith(ctx, client)
	return err
}
