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

// memberReaper removes consumers that were killed while they joined their group. kfake starts a member's session only if it
// could write the response to the join. Otherwise the member would stay in the group forever, and no other member would
// read its partitions. Kafka starts the session in any case.
type memberReaper struct {
	mu        sync.Mutex
	deadlines map[member]deadline
}

type member struct{ group, id string }

// deadline is the time at which a silent member is certainly dead.
type deadline struct {
	maxSilence time.Duration
	at         time.Time
}

const reapInterval = 500 * time.Millisecond

// observe records which members send requests. Control functions run one after the other, in the broker's goroutine.
func (r *memberReaper) observe(cluster *kfake.Cluster) {
	observe := func(key kmsg.Key, note func(kmsg.Request)) {
		cluster.ControlKey(key.Int16(), func(request kmsg.Request) (kmsg.Response, error, bool) {
			note(request)
			return nil, nil, false
		})
	}
	observe(kmsg.JoinGroup, func(request kmsg.Request) {
		join := request.(*kmsg.JoinGroupRequest)
		// A member is silent while it waits for the others to join, and after that for at most its session time-out.
		maxSilence := time.Duration(join.SessionTimeoutMillis+join.RebalanceTimeoutMillis) * time.Millisecond
		r.setJoined(member{join.Group, join.MemberID}, maxSilence)
	})
	observe(kmsg.SyncGroup, func(request kmsg.Request) {
		sync := request.(*kmsg.SyncGroupRequest)
		r.setAlive(member{sync.Group, sync.MemberID})
	})
	observe(kmsg.Heartbeat, func(request kmsg.Request) {
		beat := request.(*kmsg.HeartbeatRequest)
		r.setAlive(member{beat.Group, beat.MemberID})
	})
	observe(kmsg.LeaveGroup, func(request kmsg.Request) {
		leave := request.(*kmsg.LeaveGroupRequest)
		r.setLeft(member{leave.Group, leave.MemberID})
		for _, m := range leave.Members {
			r.setLeft(member{leave.Group, m.MemberID})
		}
	})
}

func (r *memberReaper) setJoined(m member, maxSilence time.Duration) {
	if m.id == "" { // its first join asks for an id
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deadlines[m] = deadline{maxSilence, time.Now().Add(maxSilence)}
}

func (r *memberReaper) setAlive(m member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d, ok := r.deadlines[m]; ok {
		r.deadlines[m] = deadline{d.maxSilence, time.Now().Add(d.maxSilence)}
	}
}

func (r *memberReaper) setLeft(m member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.deadlines, m)
}

// takeOverdue returns the members that have been silent for too long, and forgets them.
func (r *memberReaper) takeOverdue(now time.Time) (silent []member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for m, d := range r.deadlines {
		if now.After(d.at) {
			silent = append(silent, m)
			delete(r.deadlines, m)
		}
	}
	return silent
}

// run makes dead members leave their groups until ctx is done.
func (r *memberReaper) run(ctx context.Context, addr string, log *slog.Logger) {
	tick := time.NewTicker(reapInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, m := range r.takeOverdue(now) {
				if err := removeMember(ctx, addr, m); err != nil && ctx.Err() == nil {
					log.Warn("embedded broker: a dead consumer could not be removed from its group", "group", m.group, "error", err)
				}
			}
		}
	}
}

// removeMember sends the member's leave request. It is not an error if the member has already left.
func removeMember(ctx context.Context, addr string, m member) error {
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
