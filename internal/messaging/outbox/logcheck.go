package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// logChecker compares the logs of a topic's shards with the database, before a shard is published. One check runs at a time.
type logChecker struct {
	db       *dbConn
	broker   Broker
	owner    uuid.UUID
	running  bool // only the coordinator uses it
	log      *slog.Logger
	progress atomic.Pointer[string] // what a check has been reading for longer than progressEvery; nil otherwise
	answers  atomic.Int64           // how often Kafka has answered checks of shards that are not halted
}

const (
	compareRows   = 100_000          // most events that a comparison marks; others are sent again
	compareChunk  = 500              // records in one query
	progressEvery = 10 * time.Second // between two log lines of a long check
	// skippedEpochs is how many epochs a shard skips after another database server has taken over. A standby that is
	// promoted may lack the last commits of leases. Without the skip, the relay would use epochs again.
	skippedEpochs = 100
)

var errLeaseLost = errors.New("the lease is lost")

// logCheck is one check of one shard.
type logCheck struct {
	*logChecker
	lease  lease
	fenced string // why the broker has fenced the shard; "" if it has not

	server    databaseServer
	origin    origin
	halt      *Halt // what the database says about the shard; nil if it is not halted
	stored    messagingdb.GetLogRow
	clusterID string // of the brokers
	checked   checkedLog
}

// checkedLog is the log of a shard.
type checkedLog struct {
	topicID broker.TopicID
	known   bool // the database has a row of it
	// recreated reports that the topic has another id than the one that was published to.
	recreated bool
	ackedEnd  int64
	end       int64 // in Kafka
	sent      []sentEvent
}

// checkResult is the result of a check that no error has ended.
type checkResult struct {
	halt    *Halt
	end     int64 // of the log when it was compared
	skipped bool  // the epoch was raised, so the lane has to begin again
}

// check compares the logs of a shard with the database. It marks events as sent that the log has, and stores which logs
// these are. fenced is why the broker has fenced the shard, or "".
func (k *logChecker) check(ctx context.Context, l lease, fenced string) (checkResult, error) {
	defer k.progress.Store(nil)
	c := &logCheck{logChecker: k, lease: l, fenced: fenced}
	if err := c.readDatabase(ctx); err != nil {
		return checkResult{}, err
	}
	halt, err := c.run(ctx)
	if err != nil {
		return checkResult{}, err
	}
	if halt != nil {
		return checkResult{halt: halt}, c.storeHalt(ctx, halt)
	}
	result := checkResult{end: c.checked.end, skipped: c.origin.server.differsFrom(c.server)}
	return result, c.store(ctx, result.skipped)
}

// readDatabase reads what the database says about the shard. A database that does not answer ends the check: the other lanes
// of the topic wait for it.
func (c *logCheck) readDatabase(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	q, err := c.db.queries(ctx)
	if err != nil {
		return err
	}
	if c.server, err = readDatabaseServer(ctx, c.db.conn); err != nil {
		return err
	}
	if c.origin, err = readOrigin(ctx, q, c.lease.tp); err != nil {
		return err
	}
	topic, shard := c.lease.tp.Topic, int16(c.lease.tp.Partition)
	halt, err := q.GetHalt(ctx, topic, shard)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("read why %s is halted: %w", c.lease.tp, err)
	}
	if err == nil {
		c.halt = &Halt{Code: HaltCode(halt.Code), Reason: halt.Reason}
		if c.halt.Code == FencedByAnother && halt.ProducerID == c.lease.producerID && c.fenced == "" {
			c.fenced = halt.Reason
		}
	}
	if c.stored, err = q.GetLog(ctx, topic, shard); err != nil {
		return fmt.Errorf("read the end of the log of %s: %w", c.lease.tp, err)
	}
	return nil
}

// run returns what halts the shard, or nil.
func (c *logCheck) run(ctx context.Context) (halt *Halt, err error) {
	if c.fenced != "" {
		return &Halt{Code: FencedByAnother, Reason: c.fenced}, nil
	}
	if c.clusterID, err = c.broker.ClusterID(ctx); err != nil {
		return nil, err
	}
	if halt := c.origin.foreignCluster(c.clusterID); halt != nil {
		return halt, nil
	}
	if err := c.readLog(ctx); err != nil {
		return nil, err
	}
	return c.compareLog(ctx)
}

// readLog reads what the database and Kafka say about the log.
func (c *logCheck) readLog(ctx context.Context) (err error) {
	log := &c.checked
	if log.topicID, err = c.broker.TopicID(ctx, c.lease.tp.Topic); err != nil {
		return err
	}
	if log.end, err = c.broker.EndOffset(ctx, c.lease.tp); err != nil {
		return err
	}
	c.answered()
	if c.stored.TopicID == nil {
		if c.stored.Trusted && c.lease.producerID >= 0 {
			c.log.Info("the relay trusts the log as it is, because this database has not stored where its events end",
				"shard", c.lease.tp.String(), "topic_id", log.topicID.String(), "end", log.end, "cluster", c.clusterID)
			log.ackedEnd = log.end
		}
		return nil
	}
	log.known, log.ackedEnd = true, *c.stored.AckedEnd
	stored := broker.TopicID(*c.stored.TopicID)
	if log.topicID.IsZero() {
		log.topicID = stored
	}
	log.recreated = !stored.IsZero() && stored != log.topicID
	return nil
}

// answered counts an answer of the leader of a log. The checks of a halted shard are repeated forever, and say nothing about
// the events of others.
func (c *logCheck) answered() {
	if c.halt == nil {
		c.answers.Add(1)
	}
}

// storeHalt stores why the shard is halted, for people and for the next holder of the lease.
func (c *logCheck) storeHalt(ctx context.Context, halt *Halt) error {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	if err := messagingdb.New(c.db.conn).SetHalt(ctx, messagingdb.SetHaltParams{Topic: c.lease.tp.Topic, Shard: int16(c.lease.tp.Partition),
		Owner: c.owner, Epoch: c.lease.epoch, Code: string(halt.Code), Reason: halt.Reason}); err != nil {
		return fmt.Errorf("store why %s is halted: %w", c.lease.tp, err)
	}
	return nil
}

// store marks the events that the log has, and stores the log and its origin.
func (c *logCheck) store(ctx context.Context, skip bool) error {
	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	topic, shard := c.lease.tp.Topic, int16(c.lease.tp.Partition)
	return pgx.BeginFunc(ctx, c.db.conn, func(tx pgx.Tx) error {
		q := messagingdb.New(tx)
		if err := c.storeLog(ctx, q); err != nil {
			return err
		}
		if c.halt != nil {
			if err := q.DeleteHalt(ctx, topic, shard); err != nil {
				return err
			}
		}
		if skip {
			c.log.Warn("another database server has taken over: the shard skips epochs, because the last leases may be lost",
				"shard", c.lease.tp.String(), "timeline_before", c.origin.server.timeline, "timeline", c.server.timeline)
			if err := q.SkipEpochs(ctx, messagingdb.SkipEpochsParams{Skipped: skippedEpochs, Topic: topic, Shard: shard, Owner: c.owner,
				Epoch: c.lease.epoch}); err != nil {
				return err
			}
		}
		if c.clusterID == "" {
			c.clusterID = c.origin.clusterID
		}
		return q.SetOrigin(ctx, messagingdb.SetOriginParams{Topic: topic, Shard: shard, ClusterID: c.clusterID,
			SystemIdentifier: c.server.systemIdentifier, Timeline: c.server.timeline})
	})
}

func (c *logCheck) storeLog(ctx context.Context, q *messagingdb.Queries) error {
	log := c.checked
	if len(log.sent) > 0 {
		p := messagingdb.MarkSentParams{Owner: c.owner}
		n := addShard(&p, c.lease, 0)
		for _, e := range log.sent {
			p.RowNumbers, p.Seqs = append(p.RowNumbers, n), append(p.Seqs, e.seq)
			if e.blocked {
				p.FreeNumbers, p.FreeKeys = append(p.FreeNumbers, n), append(p.FreeKeys, e.key)
			}
		}
		if _, err := q.MarkSent(ctx, p); err != nil {
			return fmt.Errorf("mark events as sent that the log has: %w", err)
		}
		c.log.Info("the log has events that were not marked sent", "shard", c.lease.tp.String(), "events", len(log.sent))
	}
	stored, err := q.SetLog(ctx, messagingdb.SetLogParams{Topic: c.lease.tp.Topic, TopicID: log.topicID.UUID(), AckedEnd: log.end,
		Shard: int16(c.lease.tp.Partition), Owner: c.owner, Epoch: c.lease.epoch})
	if err != nil {
		return fmt.Errorf("store the end of %s: %w", c.lease.tp, err)
	}
	if stored == 0 {
		return errLeaseLost
	}
	return nil
}
