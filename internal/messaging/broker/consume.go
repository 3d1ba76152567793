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

// ErrReseek is returned by a handler when the batch does not begin at the stored position. The client then drops what it
// has fetched, and asks for the position again.
var ErrReseek = errors.New("read from the stored position again")

// PartitionHandler applies the records that Consume reads. Its methods are called one after the other for one partition,
// and concurrently for several partitions. Their context ends up to GroupConfig.HandleGrace after the context of Consume,
// so that the handler can finish its batch.
//
// H2 zombie consumer: a member that was paused may still apply a batch while its successor applies the same one. So the
// handler must compare from with its stored position, in the transaction that applies the batch, and return ErrReseek if
// they differ.
type PartitionHandler interface {
	// Position returns the stored position. For a partition that was never read, that is log.Position, the start of its log.
	// While a partition is halted, it is called again every HaltRecheck. A *HaltError halts the partition. After any other error
	// the client calls it again later.
	Position(ctx context.Context, tp TopicPartition, log LogStart) (Position, error)
	// Handle applies the records in [from, next.Offset), in offset order, and stores next. Some offsets have no record (it was
	// compacted away, or is the marker of a transaction), so records may be empty. After ErrReseek the client asks for the
	// position again. After any other error it offers the same batch again, after a pause that grows from 10 ms to 1 s.
	Handle(ctx context.Context, tp TopicPartition, from int64, next Position, records []Fetched) error
}

// EpochStore is a PartitionHandler that can store the leader epoch of a position that has none, as those that a command has
// set. The client calls it before it reads such a partition. Without the epoch, a log that is truncated before the next batch
// is read would look intact as soon as it has grown past the position.
type EpochStore interface {
	StoreEpoch(ctx context.Context, tp TopicPartition, at Position) error
}

const (
	defaultMaxBytes     = 1 << 20
	defaultHandleGrace  = 5 * time.Second
	defaultLeaveTimeout = 2 * time.Second
)

// GroupConfig sets how to take part in a consumer group. Each comment ends with the default of the zero value.
type GroupConfig struct {
	GroupID string
	Topics  []string
	// Partitions is the required number of partitions of each topic. If it changed, a key's events would move to another
	// partition and lose their order. So the member joins no group while a topic has another number; 0 accepts any.
	Partitions int

	// Member is the id under which this instance is registered in its database; "" if it is not. Known reports which of some
	// ids its database has. The leader of the group gives no partition to a member whose id is not known: that member
	// belongs to another database, and would take partitions away from this one. A member that sends no id is accepted. The
	// ids come from other members, and may be any text. While Known fails, the leader gives no member a partition.
	Member string
	Known  func(ctx context.Context, ids []string) (map[string]bool, error)

	SessionTimeout    time.Duration // after this time without a heartbeat, Kafka removes a member; 6 s, Kafka's minimum
	HeartbeatInterval time.Duration // 500 ms
	RebalanceTimeout  time.Duration // how long Kafka waits for members to rejoin; 6 s
	HandleGrace       time.Duration // how long a Handle may continue after the generation's end; 5 s. Must be less than RebalanceTimeout.
	LeaveTimeout      time.Duration // of the last commit of positions, and then of leaving the group; 2 s
	MaxWait           time.Duration // how long a broker may wait for records before it answers a fetch; 500 ms
	CommitInterval    time.Duration // between two commits of positions, for lag tools; 250 ms
	TopicBackoff      time.Duration // between two checks for missing topics; 1 s
	HaltRecheck       time.Duration // between two reads of a halted partition's position, or of strangers' registrations; 5 s
	MaxRecords        int           // limit for one Handle; 1000
	MaxBytes          int           // limit for the records fetched ahead, per partition; 1 MiB
}

// StopBound returns how long Consume runs at most after the end of its context.
func (cfg GroupConfig) StopBound() time.Duration {
	return cmp.Or(cfg.HandleGrace, defaultHandleGrace) + 2*cmp.Or(cfg.LeaveTimeout, defaultLeaveTimeout)
}

func (cfg GroupConfig) withDefaults() (GroupConfig, error) {
	if cfg.GroupID == "" || len(cfg.Topics) == 0 {
		return cfg, errors.New("a consumer group needs a name and a topic")
	}
	if strings.ContainsAny(cfg.Member, " \n") {
		return cfg, fmt.Errorf("consumer group %s: the id %q of this instance has a space", cfg.GroupID, cfg.Member)
	}
	cfg.Topics = slices.Compact(slices.Sorted(slices.Values(cfg.Topics)))
	cfg.SessionTimeout = cmp.Or(cfg.SessionTimeout, 6*time.Second)
	cfg.HeartbeatInterval = cmp.Or(cfg.HeartbeatInterval, 500*time.Millisecond)
	cfg.RebalanceTimeout = cmp.Or(cfg.RebalanceTimeout, 6*time.Second)
	cfg.HandleGrace = cmp.Or(cfg.HandleGrace, defaultHandleGrace)
	cfg.LeaveTimeout = cmp.Or(cfg.LeaveTimeout, defaultLeaveTimeout)
	cfg.MaxWait = cmp.Or(cfg.MaxWait, 500*time.Millisecond)
	cfg.CommitInterval = cmp.Or(cfg.CommitInterval, 250*time.Millisecond)
	cfg.TopicBackoff = cmp.Or(cfg.TopicBackoff, time.Second)
	cfg.HaltRecheck = cmp.Or(cfg.HaltRecheck, 5*time.Second)
	cfg.MaxRecords = cmp.Or(cfg.MaxRecords, 1000)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, defaultMaxBytes)
	if cfg.HandleGrace >= cfg.RebalanceTimeout {
		return cfg, fmt.Errorf("consumer group %s: HandleGrace %v must be less than RebalanceTimeout %v, or Kafka "+
			"rebalances without the member", cfg.GroupID, cfg.HandleGrace, cfg.RebalanceTimeout)
	}
	return cfg, nil
}

// Consume takes part in the group until ctx is done. Then it waits for the running Handle calls, commits, leaves the group
// and returns nil. It returns an error only for a configuration that cannot work. It waits while brokers are away, topics
// are missing or the handler fails, and GroupState shows that.
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
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.LeaveTimeout)
		defer cancel()
		if err := m.leave(end); err != nil {
			log.Debug("leaving the consumer group failed, its session will end by itself", "error", err)
		}
	}()
	backoff := newBackoff(100*time.Millisecond, 2*time.Second)
	for ctx.Err() == nil {
		topics, missing, err := c.existingTopics(ctx, cfg)
		status.setMissing(log, missing)
		if err == nil && len(topics) == 0 {
			_ = sleep(ctx, cfg.TopicBackoff)
			continue
		}
		var mine []TopicPartition
		if err == nil {
			mine, err = m.join(ctx, topics)
		}
		if err != nil {
			if ctx.Err() == nil && !generationEnded(err) {
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

// existingTopics splits the group's topics into existing and missing ones.
func (c *Client) existingTopics(ctx context.Context, cfg GroupConfig) (existing, missing []string, err error) {
	for _, topic := range cfg.Topics {
		n, err := c.Partitions(ctx, topic)
		switch {
		case err == nil && cfg.Partitions > 0 && n != cfg.Partitions:
			return nil, missing, fmt.Errorf("halted: topic %s has %d partitions instead of %d, so its events may be out of order; "+
				"its owner has to move its records to a topic with %[3]d", topic, n, cfg.Partitions)
		case err == nil:
			existing = append(existing, topic)
		case errors.Is(err, ErrUnknownTopic):
			missing = append(missing, topic)
		default:
			return nil, missing, err
		}
	}
	return existing, missing, nil
}

// backoff is the pause between tries. It doubles from least to most.
type backoff struct{ least, most, next time.Duration }

func newBackoff(least, most time.Duration) *backoff { return &backoff{least, most, least} }

func (b *backoff) reset() { b.next = b.least }

func (b *backoff) wait(ctx context.Context) error {
	d := b.next
	b.next = min(2*b.next, b.most)
	return sleep(ctx, d)
}

func list(names []string) string { return strings.Join(names, ", ") }
