package broker

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// membership keeps a generation's place in the group. Only the goroutine of keepMembership uses it.
//
//	member ─┬─ the context ends, or the group rebalances ──────────► ending: heartbeats go on, the workers finish ─► last commit
//	        └─ the group has expelled it, or no answer came in time ► expelled: the workers finish, nothing is committed
type membership struct {
	*generation
	request    context.Context          // of requests to the coordinator
	expelled   bool                     // the group has continued without this member: it accepts no commits
	answeredAt time.Time                // when the coordinator last answered a heartbeat
	committed  map[TopicPartition]int64 // to Kafka
}

// keepMembership sends heartbeats and commits positions until the generation ends. Then it waits for the workers, and
// commits once more if Kafka still allows it. Heartbeats continue while the workers finish: without them Kafka would give
// the partitions to other members too early.
func (g *generation) keepMembership(ctx context.Context, finish func()) {
	heartbeats, commits := time.NewTicker(g.cfg.HeartbeatInterval), time.NewTicker(g.cfg.CommitInterval)
	defer heartbeats.Stop()
	defer commits.Stop()
	request, release := withGrace(ctx, g.cfg.HandleGrace+g.cfg.LeaveTimeout) // a broker that hangs must not delay the end
	defer release()
	finished := make(chan struct{})
	end := sync.OnceFunc(func() {
		go func() { finish(); close(finished) }()
	})
	k := &membership{generation: g, request: request, committed: map[TopicPartition]int64{}, answeredAt: time.Now()}
	for done := ctx.Done(); ; {
		select {
		case <-done:
			done = nil
			end()
		case <-finished:
			k.commit()
			return
		case <-commits.C:
			k.commit()
		case <-heartbeats.C:
			if !k.heartbeat() {
				end()
			}
		}
	}
}

// heartbeat tells the coordinator that this member lives. It reports whether the generation goes on.
func (k *membership) heartbeat() bool {
	if k.expelled {
		return false
	}
	err := k.member.heartbeat(k.request)
	switch {
	case err == nil:
		k.answeredAt = time.Now()
		k.status.setError(k.log, "heartbeat", "", nil)
		return true
	case errors.Is(err, kafka.RebalanceInProgress): // still a member: commits are accepted until the group has rebalanced
		return false
	case generationEnded(err), time.Since(k.answeredAt) > k.cfg.SessionTimeout:
		k.expelled = true
		return false
	default:
		k.status.setError(k.log, "heartbeat", "the consumer group's coordinator does not answer", err)
		return true
	}
}

// commit commits the positions that have changed, unless this member is expelled.
func (k *membership) commit() {
	if k.expelled {
		return
	}
	changed := map[TopicPartition]int64{}
	for _, p := range k.partitions {
		if next := p.position(); next >= 0 {
			if was, ok := k.committed[p.tp]; !ok || was != next {
				changed[p.tp] = next
			}
		}
	}
	if len(changed) == 0 {
		return
	}
	if err := k.member.commit(k.request, changed); err != nil {
		k.log.Debug("positions could not be committed to Kafka; they are safe in the database", "error", err)
		return
	}
	maps.Copy(k.committed, changed)
}
