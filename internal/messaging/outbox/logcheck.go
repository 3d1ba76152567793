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

// logChecker compares the logs of a shard with the database, before the shard is published. One check runs at a time.
type logChecker struct {
	db       *dbConn
	broker   Broker
	cfg      Config
	owner    uuid.UUID
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
	stored    map[string]messagingdb.ListLogsRow
	clusterID string // of the brokers
	logs      []checkedLog
}

// checkedLog is the log of one topic in a shard.
type checkedLog struct {
	tp      broker.TopicPartition
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
	ends    map[string]int64 // topic → end of its log when it was compared
	skipped bool             // the epoch was raised, so the lane has to begin again
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
	result := checkResult{ends: map[string]int64{}, skipped: c.origin.server.differsFrom(c.server)}
	for _, log := range c.logs {
		result.ends[log.tp.Topic] = log.end
	}
	return result, c.store(ctx, result.skipped)
}

// readDatabase reads what the database says about the shard. A database that does not answer ends the check: the lanes of
// all shards wait for it.
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
	if c.origin, err = readOrigin(ctx, q, c.lease.shard); err != nil {
		return err
	}
	halt, err := q.GetHalt(ctx, c.lease.shard)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("read why shard %d is halted: %w", c.lease.shard, err)
	}
	if err == nil {
		c.halt = &Halt{Code: HaltCode(halt.Code), Reason: halt.Reason}
		if c.halt.Code == FencedByAnother && halt.ProducerID == c.lease.producerID && c.fenced == "" {
			c.fenced = halt.Reason
		}
	}
	rows, err := q.ListLogs(ctx, c.lease.shard)
	if err != nil {
		return fmt.Errorf("read the ends of the logs of shard %d: %w", c.lease.shard, err)
	}
	c.stored = map[string]messagingdb.ListLogsRow{}
	for _, row := range rows {
		c.stored[row.Topic] = row
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
	for _, topic := range c.cfg.Topics {
		log, err := c.readLog(ctx, broker.TopicPartition{Topic: topic, Partition: int(c.lease.shard)})
		if err != nil {
			return nil, err
		}
		if halt, err := c.compareLog(ctx, &log); halt != nil || err != nil {
			return halt, err
		}
		c.logs = append(c.logs, log)
	}
	return nil, nil
}

// readLog reads what the database and Kafka say about a log.
func (c *logCheck) readLog(ctx context.Context, tp broker.TopicPartition) (log checkedLog, err error) {
	log.tp = tp
	if log.topicID, err = c.broker.TopicID(ctx, tp.Topic); err != nil {
		return log, err
	}
	if log.end, err = c.broker.EndOffset(ctx, tp); err != nil {
		return log, err
	}
	c.answered()
	row, known := c.stored[tp.Topic]
	switch stored := broker.TopicID(row.TopicID); {
	case len(c.stored) == 0 && c.lease.producerID >= 0:
		// A relay of an earlier version has published the shard, and has not stored where its events end.
		c.log.Info("the relay trusts the log as it is, because this database has not stored where its events end",
			"partition", tp.String(), "topic_id", log.topicID.String(), "end", log.end, "cluster", c.clusterID)
		log.ackedEnd = log.end
	case log.topicID.IsZero():
		log.topicID = stored
	default:
		log.recreated = !stored.IsZero() && stored != log.topicID
	}
	if log.known = known; known {
		log.ackedEnd = row.AckedEnd
	}
	return log, nil
}

// answered counts an answer of the leader of a log. The checks of a halted shard are repeated for ever, and say nothing about
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
	if err := messagingdb.New(c.db.conn).SetHalt(ctx, messagingdb.SetHaltParams{Shard: c.lease.shard, Owner: c.owner,
		Epoch: c.lease.epoch, Code: string(halt.Code), Reason: halt.Reason}); err != nil {
		return fmt.Errorf("store why shard %d is halted: %w", c.lease.shard, err)
	}
	return nil
}

// store marks the events that the logs have, and stores the logs and their origin.
func (c *logCheck) store(ctx context.Context, skip bool) error {
	ctx, cancel := context.WithTimeout(ctx, markTimeout)
	defer cancel()
	return pgx.BeginFunc(ctx, c.db.conn, func(tx pgx.Tx) error {
		q := messagingdb.New(tx)
		for _, log := range c.logs {
			if err := c.storeLog(ctx, q, log); err != nil {
				return err
			}
		}
		if c.halt != nil {
			if err := q.DeleteHalt(ctx, c.lease.shard); err != nil {
				return err
			}
		}
		if skip {
			c.log.Warn("another database server has taken over: the shard skips epochs, because the last leases may be lost",
				"shard", c.lease.shard, "timeline_before", c.origin.server.timeline, "timeline", c.server.timeline)
			if err := q.SkipEpochs(ctx, messagingdb.SkipEpochsParams{Skipped: skippedEpochs, Shard: c.lease.shard, Owner: c.owner,
				Epoch: c.lease.epoch}); err != nil {
				return err
			}
		}
		if c.clusterID == "" {
			c.clusterID = c.origin.clusterID
		}
		return q.SetOrigin(ctx, messagingdb.SetOriginParams{Shard: c.lease.shard, ClusterID: c.clusterID,
			SystemIdentifier: c.server.systemIdentifier, Timeline: c.server.timeline})
	})
}

func (c *logCheck) storeLog(ctx context.Context, q *messagingdb.Queries, log checkedLog) error {
	p := messagingdb.MarkSentParams{Owner: c.owner, Shards: []int16{c.lease.shard}, Epochs: []int64{c.lease.epoch}}
	for _, e := range log.sent {
		p.RowShards, p.Seqs = append(p.RowShards, c.lease.shard), append(p.Seqs, e.seq)
		if e.blocked {
			p.FreeShards = append(p.FreeShards, c.lease.shard)
			p.FreeTopics, p.FreeKeys = append(p.FreeTopics, log.tp.Topic), append(p.FreeKeys, e.key)
		}
	}
	if len(log.sent) > 0 {
		if _, err := q.MarkSent(ctx, p); err != nil {
			return fmt.Errorf("mark events as sent that the log has: %w", err)
		}
		c.log.Info("the log has events that were not marked sent", "partition", log.tp.String(), "events", len(log.sent))
	}
	stored, err := q.SetLog(ctx, messagingdb.SetLogParams{Topic: log.tp.Topic, TopicID: log.topicID.UUID(), AckedEnd: log.end,
		Shard: c.lease.shard, Owner: c.owner, Epoch: c.lease.epoch})
	if err != nil {
		return fmt.Errorf("store the end of %s: %w", log.tp, err)
	}
	if stored == 0 {
		return errLeaseLost
	}
	return nil
}
