package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrReseek is what a handler returns when the batch does not begin at its stored position: the client drops what it
// has fetched and asks for the position again.
var ErrReseek = errors.New("read from the stored position again")

// PartitionHandler applies what is read. For one partition its methods are called one after the other, for several at
// the same time. Their context outlives the end of Consume's by up to GroupConfig.HandleGrace, so that what is in hand
// can be finished.
//
// That a partition is given to one member alone is true only most of the time: a member that was paused may still apply
// a batch while its successor does. The handler has to compare `from` with its stored position in the transaction that
// applies the batch, and return ErrReseek when they differ.
type PartitionHandler interface {
	// Position returns the next offset to read. logStart is where the log begins, which is what a partition that was
	// never read is to be seeded with. An error is tried again later.
	Position(ctx context.Context, tp TopicPartition, logStart int64) (next int64, err error)
	// Handle applies records in [from, next), in offset order. Offsets without a record (compacted away, or marks of
	// transactions) are skipped, so records may be empty. After ErrReseek the client asks for the position again; after
	// any other error it offers the same batch again, each time after a longer pause, from 10 ms to 1 s.
	Handle(ctx context.Context, tp TopicPartition, from, next int64, records []Fetched) error
}

const defaultMaxBytes = 1 << 20

// GroupConfig is how to take part in a consumer group. Zero values are the defaults named below.
type GroupConfig struct {
	GroupID string
	Topics  []string
	// Partitions is how many each topic has to have: an aggregate's events move to another partition, and lose their
	// order, when that changes. A group with another number halts until it is put right; 0 takes any.
	Partitions int

	SessionTimeout    time.Duration // how long Kafka waits for a member that fell silent; 6 s, Kafka's least
	HeartbeatInterval time.Duration // 500 ms
	RebalanceTimeout  time.Duration // how long Kafka waits for members to join anew; 6 s
	HandleGrace       time.Duration // how long a Handle may go on after the end; 5 s, less than RebalanceTimeout
	MaxWait           time.Duration // how long a broker may hold a fetch while there is nothing; 500 ms
	CommitInterval    time.Duration // between two commits of positions for lag tools; 250 ms
	TopicBackoff      time.Duration // between two looks for a missing topic; 1 s
	HaltRecheck       time.Duration // between two looks whether a halted partition's position was put right; 5 s
	MaxRecords        int           // given to one Handle; 1000
	MaxBytes          int           // of records fetched ahead of one Handle, per partition; 1 MiB
}

func (cfg GroupConfig) withDefaults() (GroupConfig, error) {
	if cfg.GroupID == "" || len(cfg.Topics) == 0 {
		return cfg, errors.New("a consumer group needs a name and a topic")
	}
	cfg.Topics = slices.Compact(slices.Sorted(slices.Values(cfg.Topics)))
	cfg.SessionTimeout = cmp.Or(cfg.SessionTimeout, 6*time.Second)
	cfg.HeartbeatInterval = cmp.Or(cfg.HeartbeatInterval, 500*time.Millisecond)
	cfg.RebalanceTimeout = cmp.Or(cfg.RebalanceTimeout, 6*time.Second)
	cfg.HandleGrace = cmp.Or(cfg.HandleGrace, 5*time.Second)
	cfg.MaxWait = cmp.Or(cfg.MaxWait, 500*time.Millisecond)
	cfg.CommitInterval = cmp.Or(cfg.CommitInterval, 250*time.Millisecond)
	cfg.TopicBackoff = cmp.Or(cfg.TopicBackoff, time.Second)
	cfg.HaltRecheck = cmp.Or(cfg.HaltRecheck, 5*time.Second)
	cfg.MaxRecords = cmp.Or(cfg.MaxRecords, 1000)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, defaultMaxBytes)
	if cfg.HandleGrace >= cfg.RebalanceTimeout {
		return cfg, fmt.Errorf("consumer group %s: HandleGrace %v has to be less than RebalanceTimeout %v, or Kafka goes on "+
			"without the member", cfg.GroupID, cfg.HandleGrace, cfg.RebalanceTimeout)
	}
	return cfg, nil
}

// Consume takes part in the group until ctx is done. Then it finishes what Handle has in hand, commits, leaves the group
// and returns nil. It returns an error only for a configuration that cannot work: a broker that is away, a topic that is
// missing and a handler that fails are waited for, and seen in GroupState.
func (c *Client) Consume(ctx context.Context, cfg GroupConfig, h PartitionHandler) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	status, err := c.startGroup(cfg.GroupID)
	if err != nil {
		return err
	}
	defer c.endGroup(cfg.GroupID)

	log := c.log.With("group", cfg.GroupID)
	m := &member{client: c, cfg: cfg}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := m.leave(end); err != nil {
			log.Debug("leaving the consumer group failed, its session will end by itself", "error", err)
		}
	}()
	backoff := newBackoff(100*time.Millisecond, 2*time.Second)
	for ctx.Err() == nil {
		topics, missing, err := c.existing(ctx, cfg)
		status.setMissing(log, missing)
		if err == nil && len(topics) == 0 {
			_ = pause(ctx, cfg.TopicBackoff)
			continue
		}
		var mine []TopicPartition
		if err == nil {
			mine, err = m.join(ctx, topics)
		}
		if err != nil {
			if ctx.Err() == nil && !generationOver(err) {
				status.setError(log, "join", "the consumer group cannot be joined", err)
				_ = backoff.wait(ctx)
			}
			continue
		}
		backoff.reset()
		status.setError(log, "join", "", nil)
		newGeneration(c, cfg, h, m, status, mine, log).run(ctx, topics)
	}
	return nil
}

// existing splits the group's topics into those that exist and those that do not yet.
func (c *Client) existing(ctx context.Context, cfg GroupConfig) (there, missing []string, err error) {
	for _, topic := range cfg.Topics {
		n, err := c.Partitions(ctx, topic)
		switch {
		case err == nil && cfg.Partitions > 0 && n != cfg.Partitions:
			return nil, missing, fmt.Errorf("halted: topic %s has %d partitions instead of %d, so its events may be out of order; "+
				"its owner has to move its records to a topic with %[3]d", topic, n, cfg.Partitions)
		case err == nil:
			there = append(there, topic)
		case errors.Is(err, ErrUnknownTopic):
			missing = append(missing, topic)
		default:
			return nil, missing, err
		}
	}
	return there, missing, nil
}

// backoff is the pause between tries, doubling from the least to the most.
type backoff struct{ least, most, next time.Duration }

func newBackoff(least, most time.Duration) *backoff { return &backoff{least, most, least} }

func (b *backoff) reset() { b.next = b.least }

func (b *backoff) wait(ctx context.Context) error {
	d := b.next
	b.next = min(2*b.next, b.most)
	return pause(ctx, d)
}

func list(names []string) string { return strings.Join(names, ", ") }
