package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monsplit/monsplit/internal/strictjson"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// Status is the state of the outbox of one database, over all instances.
type Status struct {
	Pending       int64              `json:"pending"`                  // at most 100,000 are counted
	PendingMore   bool               `json:"pending_more,omitempty"`   // there are more than were counted
	OldestPending *time.Time         `json:"oldest_pending,omitempty"` // when the oldest pending event was appended
	OldestAge     float64            `json:"oldest_age_seconds"`
	Appended      int64              `json:"appended"` // events ever appended; events that were rolled back count too
	Room          int64              `json:"room"`     // how many more events fit into the partitions of the outbox; maintenance makes new ones
	BlockedCount  int64              `json:"blocked_count"`
	Blocked       []BlockedAggregate `json:"blocked"` // the first 100 of them, by the time of the next try
	Topics        []string           `json:"topics"`  // that have pending events
	Shards        []ShardStatus      `json:"shards"`
	Halted        []HaltedShard      `json:"halted"`
	Paused        []PausedTopic      `json:"paused"`
	Instances     []InstanceStatus   `json:"instances"`
	Standstills   []ShownStandstill  `json:"standstills"` // all states in which events do not move
}

// BlockedAggregate is an aggregate that waits, because the broker refused its oldest pending event.
type BlockedAggregate struct {
	Topic     string    `json:"topic"`
	Key       string    `json:"key"`
	Attempts  int       `json:"attempts"`
	RetryAt   time.Time `json:"retry_at"`
	LastError string    `json:"last_error"`
}

// ShardStatus tells which instance publishes a shard.
type ShardStatus struct {
	Topic  string `json:"topic"`
	Shard  int    `json:"shard"`            // the number of the partition
	Holder string `json:"holder,omitempty"` // the instance's name, or its id if it has left; "" if the lease is free
	Epoch  int64  `json:"epoch"`
	Held   bool   `json:"held"` // a running instance has the lease
}

// HaltedShard is a shard that is halted because the log and the database do not fit.
type HaltedShard struct {
	Topic    string    `json:"topic"`
	Shard    int       `json:"shard"` // the number of the partition
	Code     HaltCode  `json:"code"`
	Reason   string    `json:"reason"`
	NextStep string    `json:"next_step"`
	Since    time.Time `json:"since"`
}

// InstanceStatus is a relay in the table of instances.
type InstanceStatus struct {
	Name   string    `json:"name"`
	Shards int       `json:"shards"`
	Kafka  kafkaLink `json:"kafka"` // whether Kafka answers it: answers, silent or cut_off
}

// ShownStandstill is a standstill of an instance, or of the whole outbox.
type ShownStandstill struct {
	Instance string `json:"instance,omitempty"`
	Standstill
}

const blockedShown = 100

// mostCounted is how many rows are counted at most, so that a backlog of millions does not delay the status.
const mostCounted = 100_000

// ReadStatus reads the status.
func ReadStatus(ctx context.Context, pool *pgxpool.Pool) (Status, error) {
	s := Status{Blocked: []BlockedAggregate{}, Shards: []ShardStatus{}, Halted: []HaltedShard{}, Instances: []InstanceStatus{}, Standstills: []ShownStandstill{}}
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return s, fmt.Errorf("read the outbox's status: %w", err)
	}
	defer func() { _ = tx.Rollback(ctx) }() // the transaction only reads
	for _, read := range []func(context.Context, pgx.Tx) error{s.readEvents, s.readBlocked, s.readLeases, s.readHalts, s.readPauses} {
		if err := read(ctx, tx); err != nil {
			return s, fmt.Errorf("read the outbox's status: %w", err)
		}
	}
	return s, nil
}

func (s *Status) readEvents(ctx context.Context, tx pgx.Tx) (err error) {
	q := messagingdb.New(tx)
	if s.Pending, err = q.CountPending(ctx, mostCounted+1); err != nil {
		return err
	}
	s.Pending, s.PendingMore = min(s.Pending, mostCounted), s.Pending > mostCounted
	if s.Appended, err = lastSeq(ctx, tx); err != nil {
		return err
	}
	if s.Room, err = roomLeft(ctx, tx); err != nil {
		return err
	}
	if s.Topics, err = q.PendingTopics(ctx); err != nil {
		return err
	}
	oldest, err := q.OldestPending(ctx, s.Topics)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil {
		at := oldest.CreatedAt.UTC()
		s.OldestPending, s.OldestAge = &at, oldest.Age
	}
	return err
}

func (s *Status) readBlocked(ctx context.Context, tx pgx.Tx) (err error) {
	q := messagingdb.New(tx)
	if s.BlockedCount, err = q.CountBlocked(ctx, mostCounted); err != nil {
		return err
	}
	rows, err := q.ListBlocked(ctx, blockedShown)
	for _, b := range rows {
		s.Blocked = append(s.Blocked, toBlocked(b))
	}
	return err
}

func (s *Status) readLeases(ctx context.Context, tx pgx.Tx) error {
	q := messagingdb.New(tx)
	instances, err := q.ListInstanceStates(ctx)
	if err != nil {
		return err
	}
	leases, err := q.ListAllLeases(ctx)
	if err != nil {
		return err
	}
	for _, i := range instances {
		status := InstanceStatus{Name: i.Name, Kafka: kafkaLink(i.Kafka)}
		var standstills []Standstill
		if err := strictjson.Unmarshal(i.Standstills, &standstills); err != nil {
			return fmt.Errorf("read the standstills of %s: %w", i.Name, err)
		}
		for _, one := range standstills {
			if i.Alive && one.Code != NoHolder && one.Code != Blocked { // those are read here
				s.Standstills = append(s.Standstills, ShownStandstill{Instance: i.Name, Standstill: one})
			}
		}
		for _, l := range leases {
			if l.Owner != nil && *l.Owner == i.ID {
				status.Shards++
			}
		}
		s.Instances = append(s.Instances, status)
	}
	for _, l := range leases {
		shard := ShardStatus{Topic: l.Topic, Shard: int(l.Shard), Epoch: l.Epoch}
		if l.Owner != nil {
			shard.Holder = l.Owner.String()
			for _, i := range instances {
				if i.ID == *l.Owner {
					shard.Holder, shard.Held = i.Name, i.Alive
				}
			}
		}
		s.Shards = append(s.Shards, shard)
	}
	for _, one := range s.sharedStandstills() {
		s.Standstills = append(s.Standstills, ShownStandstill{Standstill: one})
	}
	return nil
}

func (s *Status) readHalts(ctx context.Context, tx pgx.Tx) error {
	rows, err := messagingdb.New(tx).ListHalts(ctx)
	for _, h := range rows {
		code := HaltCode(h.Code)
		s.Halted = append(s.Halted, HaltedShard{Topic: h.Topic, Shard: int(h.Shard), Code: code, Reason: h.Reason, NextStep: code.NextStep(), Since: h.Since.UTC()})
	}
	return err
}

func (s *Status) readPauses(ctx context.Context, tx pgx.Tx) error {
	rows, err := messagingdb.New(tx).ListPauses(ctx)
	s.Paused = toPausedTopics(rows)
	return err
}

// lastSeq returns the last sequence number that was drawn, or 0.
func lastSeq(ctx context.Context, tx pgx.Tx) (seq int64, err error) {
	err = tx.QueryRow(ctx, `SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM outbox_seq`).Scan(&seq)
	return seq, err
}

// statusEvery is how often the metrics of the whole outbox are updated. If reading takes long, it is less often.
const statusEvery = 10 * time.Second

// readStatus updates the metrics of the whole outbox.
func (c *coordinator) readStatus(now time.Time) {
	if c.statusRunning || c.stopping {
		return
	}
	if now.Before(c.nextStatusAt) {
		c.tickAt(c.nextStatusAt)
		return
	}
	c.statusRunning = true
	type outcome struct {
		status Status
		err    error
	}
	runInBackground(c, func(ctx context.Context) outcome {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.LeaseTimeout)
		defer cancel()
		s, err := ReadStatus(ctx, c.pool)
		return outcome{s, err}
	}, func(o outcome) {
		c.statusRunning = false
		c.nextStatusAt = time.Now().Add(max(statusEvery, 20*time.Since(now)))
		c.report("status", o.err)
		if o.err != nil { // the metrics keep their old values
			c.nextStatusAt = time.Now().Add(max(c.cfg.RetryMax, time.Since(now)))
			return
		}
		c.noteShared(o.status.sharedStandstills())
		c.report("topics", unknownTopics(o.status.Topics, c.cfg.Topics))
		c.metrics.room.Set(float64(o.status.Room))
		c.report("room", enoughRoom(o.status.Room))
		c.metrics.pending.Set(float64(o.status.Pending))
		c.metrics.blockedKeys.Set(float64(o.status.BlockedCount))
		c.metrics.oldest.Set(o.status.OldestAge)
	})
}

// unknownTopics returns an error if the outbox has events of a topic that the relay does not publish.
func unknownTopics(pending, configured []string) error {
	for _, topic := range pending {
		if !slices.Contains(configured, topic) {
			return fmt.Errorf("the outbox has events for topic %s, which is not among the relay's topics", topic)
		}
	}
	return nil
}

// littleRoom is when there should have been new partitions for long: maintenance makes partitionsAhead of them.
const littleRoom = partitionsAhead / 2 * partitionSize

// enoughRoom returns an error if the outbox will be full after a few million more events.
func enoughRoom(room int64) error {
	if room > littleRoom {
		return nil
	}
	return fmt.Errorf("the outbox has room for only %d more events: its maintenance fails. See the log, or run the command maintain with a role that owns its tables", room)
}
