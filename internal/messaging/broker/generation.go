package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// generation is the time between two sharings out: this member's partitions, a worker for each, and a loop that fetches
// from each broker that leads some of them. It ends when the group is shared out anew, when Kafka has not heard from the
// member for too long, or with Consume.
type generation struct {
	client *Client
	cfg    GroupConfig
	h      PartitionHandler
	member *member
	status *groupStatus
	log    *slog.Logger
	number int32
	parts  []*partition

	mu      sync.Mutex
	loops   map[NodeID]chan struct{} // wakes the loop that fetches from a broker
	rotated int
}

func newGeneration(c *Client, cfg GroupConfig, h PartitionHandler, m *member, status *groupStatus, mine []TopicPartition,
	log *slog.Logger,
) *generation {
	g := &generation{client: c, cfg: cfg, h: h, member: m, status: status, log: log, number: m.generation,
		loops: map[NodeID]chan struct{}{}}
	for _, tp := range mine {
		g.parts = append(g.parts, newPartition(tp))
	}
	return g
}

// run works until the generation is over. When it returns, no Handle is under way.
func (g *generation) run(ctx context.Context, topics []string) {
	g.log.Info("joined the consumer group", "generation", g.number, "partitions", len(g.parts))
	g.status.setGeneration(g)
	defer g.status.setGeneration(nil)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	handling, release := graceful(ctx, g.cfg.HandleGrace)
	defer release()

	var workers, others sync.WaitGroup
	for _, p := range g.parts {
		workers.Go(func() { p.work(ctx, handling, g) })
	}
	g.startLoop(ctx, noLeader, &others)
	others.Go(func() {
		defer cancel()
		g.watch(ctx, topics)
	})
	g.attend(ctx, func() { cancel(); workers.Wait() })
	others.Wait()
}

// graceful returns a context that ends a while after ctx.
func graceful(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(out, func() { timer.Stop() })
	})
	return out, func() { stop(); cancel() }
}

// attend sends heartbeats and commits until the generation is over, lets the workers finish, and commits once more
// while that is still allowed. Heartbeats go on meanwhile, or Kafka would go on without what is in hand.
func (g *generation) attend(ctx context.Context, finish func()) {
	heartbeats, commits := time.NewTicker(g.cfg.HeartbeatInterval), time.NewTicker(g.cfg.CommitInterval)
	defer heartbeats.Stop()
	defer commits.Stop()
	request, release := graceful(ctx, g.cfg.HandleGrace+time.Second) // a broker that hangs must not hold up the end
	defer release()
	finished := make(chan struct{})
	ending, over := false, false // over: Kafka has gone on without us
	end := func() {
		if !ending {
			ending = true
			go func() { finish(); close(finished) }()
		}
	}
	committed := map[TopicPartition]int64{}
	heard := time.Now()
	done := ctx.Done()
	for {
		select {
		case <-done:
			done = nil
			end()
		case <-finished:
			if !over {
				g.commit(request, committed)
			}
			return
		case <-commits.C:
			if !over {
				g.commit(request, committed)
			}
		case <-heartbeats.C:
			if over {
				continue
			}
			err := g.member.heartbeat(request)
			switch {
			case err == nil:
				heard = time.Now()
				g.status.setError(g.log, "heartbeat", "", nil)
			case errors.Is(err, kafka.RebalanceInProgress): // still a member: commits are welcome, until it is shared out
				end()
			case generationOver(err), time.Since(heard) > g.cfg.SessionTimeout:
				over = true
				end()
			default:
				g.status.setError(g.log, "heartbeat", "the consumer group's coordinator does not answer", err)
			}
		}
	}
}

// commit writes down the positions that have changed.
func (g *generation) commit(ctx context.Context, committed map[TopicPartition]int64) {
	changed := map[TopicPartition]int64{}
	for _, p := range g.parts {
		if next := p.position(); next >= 0 {
			if was, ok := committed[p.tp]; !ok || was != next {
				changed[p.tp] = next
			}
		}
	}
	if len(changed) == 0 {
		return
	}
	if err := g.member.commit(ctx, changed); err != nil {
		g.log.Debug("positions could not be shown to Kafka; they are safe in the database", "error", err)
		return
	}
	for tp, next := range changed {
		committed[tp] = next
	}
}

// watch returns when the topics are not what they were when the group was joined: a missing one is there, or one has
// more partitions.
func (g *generation) watch(ctx context.Context, topics []string) {
	counts := map[string]int{}
	for pause(ctx, g.cfg.TopicBackoff) == nil {
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

func (g *generation) state() []PartitionState {
	out := make([]PartitionState, len(g.parts))
	for i, p := range g.parts {
		out[i] = p.state()
	}
	return out
}

// startLoop starts the loop for one broker unless there is one. The loop for noLeader looks after partitions whose
// leader is not known.
func (g *generation) startLoop(ctx context.Context, node NodeID, wg *sync.WaitGroup) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.loops[node]; ok {
		return
	}
	wake := make(chan struct{}, 1)
	g.loops[node] = wake
	wg.Go(func() { g.fetchFrom(ctx, node, wake, wg) })
}

func (g *generation) wake(node NodeID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if wake, ok := g.loops[node]; ok {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// route finds each partition's leader and makes sure that somebody fetches from it.
func (g *generation) route(ctx context.Context, wg *sync.WaitGroup) error {
	var failed error
	for _, p := range g.parts {
		leader, err := g.client.Leader(ctx, p.tp)
		if err != nil {
			failed = fmt.Errorf("find the leader: %w", err)
			leader = noLeader
		}
		if p.setLeader(leader) {
			g.startLoop(ctx, leader, wg)
			g.wake(leader)
		}
	}
	return failed
}
