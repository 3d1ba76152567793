package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// generation is this member's part in one generation of the group: its partitions, a worker goroutine for each, and a
// fetch loop for each broker that leads some of them. It ends when the group rebalances, when Kafka has not answered the
// member's heartbeats for the session time-out, or with Consume.
type generation struct {
	client     *Client
	cfg        GroupConfig
	handler    PartitionHandler
	member     *member
	status     *groupStatus
	log        *slog.Logger
	number     int32
	partitions []*partition

	mu         sync.Mutex
	fetchLoops map[NodeID]chan struct{} // by broker: wakes the fetch loop
	rotation   int
}

func newGeneration(c *Client, cfg GroupConfig, handler PartitionHandler, m *member, status *groupStatus, assigned []TopicPartition,
	log *slog.Logger,
) *generation {
	g := &generation{client: c, cfg: cfg, handler: handler, member: m, status: status, log: log, number: m.generation,
		fetchLoops: map[NodeID]chan struct{}{}}
	for _, tp := range assigned {
		g.partitions = append(g.partitions, newPartition(tp))
	}
	return g
}

// run works until the generation ends. When it returns, no Handle is running.
func (g *generation) run(ctx context.Context, topics []string) {
	g.log.Info("joined the consumer group", "generation", g.number, "partitions", len(g.partitions))
	g.status.setGeneration(g)
	defer g.status.setGeneration(nil)
	g.showStrangers()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	handling, release := withGrace(ctx, g.cfg.HandleGrace)
	defer release()

	var workers, others sync.WaitGroup
	for _, p := range g.partitions {
		workers.Go(func() { p.run(ctx, handling, g) })
	}
	g.startFetchLoop(ctx, noLeader, &others)
	others.Go(func() {
		defer cancel()
		g.awaitTopicChange(ctx, topics)
	})
	if len(g.member.strangers) > 0 {
		others.Go(func() {
			defer cancel()
			g.awaitStrangers(ctx)
		})
	}
	g.keepMembership(ctx, func() { cancel(); workers.Wait() })
	others.Wait()
}

// withGrace returns a context that ends grace after ctx.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(out, func() { timer.Stop() })
	})
	return out, func() { stop(); cancel() }
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

// membership is what keepMembership knows about the group.
type membership struct {
	*generation
	request    context.Context          // of requests to the coordinator
	expelled   bool                     // the group has continued without this member: it accepts no commits
	answeredAt time.Time                // when the coordinator last answered a heartbeat
	committed  map[TopicPartition]int64 // to Kafka
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

// awaitTopicChange returns when the topics have changed since the member joined the group: a missing topic now exists, or a
// topic has more partitions.
func (g *generation) awaitTopicChange(ctx context.Context, topics []string) {
	counts := map[string]int{}
	for sleep(ctx, g.cfg.TopicBackoff) == nil {
		for _, topic := range g.cfg.Topics {
			n, err := g.client.Partitions(ctx, topic)
			if err != nil {
				continue
			}
			if was, ok := counts[topic]; ok && was != n || !slices.Contains(topics, topic) {
				return
			}
			counts[topic] = n
		}
	}
}

func (g *generation) partitionStates() []PartitionState {
	out := make([]PartitionState, len(g.partitions))
	for i, p := range g.partitions {
		out[i] = p.state()
	}
	return out
}

// startFetchLoop starts the fetch loop for one broker, unless it is running. The loop for noLeader handles partitions whose
// leader is not known.
func (g *generation) startFetchLoop(ctx context.Context, node NodeID, wg *sync.WaitGroup) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.fetchLoops[node]; ok {
		return
	}
	wake := make(chan struct{}, 1)
	g.fetchLoops[node] = wake
	wg.Go(func() { g.fetchLoop(ctx, node, wake, wg) })
}

func (g *generation) wake(node NodeID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wake, ok := g.fetchLoops[node]; ok {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// updateLeaders finds each partition's leader, and ensures that a fetch loop for it is running.
func (g *generation) updateLeaders(ctx context.Context, wg *sync.WaitGroup) error {
	var failed error
	for _, p := range g.partitions {
		leader, err := g.client.Leader(ctx, p.tp)
		if err != nil {
			failed = fmt.Errorf("find the leader: %w", err)
			leader = noLeader
		}
		if log, err := g.client.identity(ctx, p.tp); err == nil {
			p.setLog(log)
		}
		if p.setLeader(leader) {
			g.startFetchLoop(ctx, leader, wg)
			g.wake(leader)
		}
	}
	return failed
}
