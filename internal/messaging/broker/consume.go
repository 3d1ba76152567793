package broker

import (
	"context"
	"errors"
	"time"
)

// ErrReseek is what a handler returns when its stored position is not the one it was given a batch for: the client asks
// for the position again.
var ErrReseek = errors.New("read from the stored position again")

// PartitionHandler applies what is read. For one partition its methods are called one after the other, for several at
// the same time.
type PartitionHandler interface {
	// Position returns the next offset to read. logStart is where the log begins, which is what a partition that was
	// never read is to be seeded with.
	Position(ctx context.Context, tp TopicPartition, logStart int64) (next int64, err error)
	// Handle applies records in [from, next), in offset order; offsets without a record (compacted, or control records)
	// are skipped, so records may be empty. After ErrReseek the client asks for the position again; after any other
	// error it offers the same batch again, a little later each time.
	Handle(ctx context.Context, tp TopicPartition, from, next int64, records []Fetched) error
}

// GroupConfig is how to take part in a consumer group. Zero values are the defaults named below.
type GroupConfig struct {
	GroupID string
	Topics  []string

	SessionTimeout    time.Duration // how long Kafka waits for a member that fell silent; 6 s
	HeartbeatInterval time.Duration // 500 ms
	RebalanceTimeout  time.Duration // how long a member may finish what it has in hand; 6 s
	MaxWait           time.Duration // of one fetch when there is nothing to read; 500 ms
	TopicBackoff      time.Duration // between two looks for a missing topic or more partitions; 1 s
	MaxRecords        int           // given to one Handle; 1000
	MaxBytes          int           // fetched at once from one partition; 1 MiB
}

// GroupState is a group member's state, for readiness and metrics.
type GroupState struct {
	Group      string
	Joined     bool
	Generation int32
	Missing    []string         // topics that do not exist yet
	Partitions []PartitionState // assigned to this member, by topic and number
	LastError  string           // why the member is not (or not fully) at work; "" when all is well
}

// PartitionState is how far one partition was read.
type PartitionState struct {
	TopicPartition
	Next   int64  // the next offset to apply
	End    int64  // the log's end when last fetched
	Halted string // why it is not read until somebody has looked; "" when it is
}

// Consume takes part in the group until ctx is done. It finishes what Handle has in hand, commits and leaves the group
// before it returns nil; any other return is a configuration that cannot work.
func (c *Client) Consume(ctx context.Context, cfg GroupConfig, h PartitionHandler) error {
	return errNotImplemented
}

// GroupState returns the state of a group that Consume runs on this client.
func (c *Client) GroupState(group string) (GroupState, bool) { return GroupState{}, false }
