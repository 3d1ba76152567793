package broker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// generation is this member's part in one generation of the group: its partitions, a worker goroutine for each, and a
// fetch loop for each broker that leads some of them. The goroutines, and what ends the generation:
//
//	keepMembership      the group rebalances, or Kafka has not answered the heartbeats for the session time-out
//	awaitTopicChange    a topic has appeared, or has more partitions
//	awaitStrangers      the database knows a stranger after all; it runs only if there are strangers
//	run of a partition  nothing; at the end it finishes its Handle, for at most HandleGrace
//	fetchLoop           nothing; at the end it stops at once
//
// The end of Consume ends it too.
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
