package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// AdoptedLog is a log that a database has accepted as its own.
type AdoptedLog struct {
	Topic   string         `json:"topic"`
	Shard   int            `json:"shard"`
	TopicID broker.TopicID `json:"-"`
	From    int64          `json:"from"` // the relay compares the log with the database from this offset on
}

// PresentLogs are the cluster and the topics that the brokers have now.
type PresentLogs struct {
	ClusterID string
	topics    []presentTopic
}

type presentTopic struct {
	name string
	id   broker.TopicID
	ends []int64 // by shard
}

// LookAtLogs asks Kafka for the topics, for Adopt. It fails if one of them does not exist.
func LookAtLogs(ctx context.Context, kafka Broker, topics []string) (p PresentLogs, err error) {
	if p.ClusterID, err = kafka.ClusterID(ctx); err != nil {
		return p, err
	}
	for _, name := range topics {
		t := presentTopic{name: name}
		if t.id, err = kafka.TopicID(ctx, name); err != nil {
			return p, err
		}
		for shard := range event.Partitions {
			end, err := kafka.EndOffset(ctx, broker.TopicPartition{Topic: name, Partition: shard})
			if err != nil {
				return p, err
			}
			t.ends = append(t.ends, end)
		}
		p.topics = append(p.topics, t)
	}
	return p, nil
}

// Each calls f with each log, and with the offset after its last event.
func (p PresentLogs) Each(f func(log broker.TopicPartition, end int64) error) error {
	return p.each(func(log broker.TopicPartition, _ broker.TopicID, end int64) error { return f(log, end) })
}

func (p PresentLogs) each(f func(log broker.TopicPartition, id broker.TopicID, end int64) error) error {
	for _, t := range p.topics {
		for shard, end := range t.ends {
			if err := f(broker.TopicPartition{Topic: t.name, Partition: shard}, t.id, end); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckSame returns an error if these are not the cluster and the topics that the database has published to.
func (p PresentLogs) CheckSame(ctx context.Context, tx pgx.Tx) error {
	q := messagingdb.New(tx)
	foreign, err := isForeign(ctx, q, p.ClusterID)
	if err != nil {
		return err
	}
	if foreign {
		return errors.New("the Kafka cluster is not the one that this database published to: run adopt first, if this is meant")
	}
	stored, err := q.ListTopicIDs(ctx)
	if err != nil {
		return fmt.Errorf("read which topics the database has published to: %w", err)
	}
	for _, row := range stored {
		for _, t := range p.topics {
			if id := broker.TopicID(row.TopicID); row.Topic == t.name && !id.IsZero() && !t.id.IsZero() && id != t.id {
				return fmt.Errorf("the topic %s was created again: run adopt first, and then outbox republish", t.name)
			}
		}
	}
	return nil
}

// Adopt makes the database accept the present Kafka cluster and the present topics as the ones that it publishes to. Each
// relay begins again with all its shards. A log that is another one than before, or that has lost its end, is compared with
// the database from its present end on. Every other log is compared from where it was compared before: if it has events that
// the database does not know, its shard halts again. With unknownEvents, such a log is compared from its end on too.
//
// If the cluster is another one, or another producer has fenced a shard, the shards also get new producer ids: see
// ResetProducers. It returns what it has changed. Roll the transaction back for a dry run.
func Adopt(ctx context.Context, tx pgx.Tx, present PresentLogs, unknownEvents bool) ([]AdoptedLog, error) {
	q := messagingdb.New(tx)
	if _, err := q.LockLeases(ctx); err != nil {
		return nil, fmt.Errorf("lock the leases of the outbox: %w", err)
	}
	foreign, err := isForeign(ctx, q, present.ClusterID)
	if err != nil {
		return nil, err
	}
	fenced, err := isFenced(ctx, q)
	if err != nil {
		return nil, err
	}
	if foreign || fenced {
		err = ResetProducers(ctx, tx)
	} else {
		err = restart(ctx, q)
	}
	if err != nil {
		return nil, err
	}
	adopted, err := adoptLogs(ctx, q, present, foreign || unknownEvents)
	if err != nil {
		return nil, err
	}
	return adopted, adoptOrigin(ctx, tx, present)
}

// AdoptReasserted makes the database accept all that is in the logs, after all its versions were raised past theirs. Shards
// that are halted get new producer ids: the database may have lost the commits that raised their epochs. It returns what it
// has changed.
func AdoptReasserted(ctx context.Context, tx pgx.Tx, present PresentLogs) ([]AdoptedLog, error) {
	q := messagingdb.New(tx)
	if _, err := q.LockLeases(ctx); err != nil {
		return nil, fmt.Errorf("lock the leases of the outbox: %w", err)
	}
	if err := q.ForgetHaltedProducers(ctx); err != nil {
		return nil, fmt.Errorf("forget the producer ids of the halted shards: %w", err)
	}
	if err := restart(ctx, q); err != nil {
		return nil, err
	}
	adopted, err := adoptLogs(ctx, q, present, true)
	if err != nil {
		return nil, err
	}
	return adopted, adoptOrigin(ctx, tx, present)
}

// isForeign reports whether a shard was published to another cluster.
func isForeign(ctx context.Context, q *messagingdb.Queries, clusterID string) (bool, error) {
	origins, err := q.ListOrigins(ctx)
	if err != nil {
		return false, fmt.Errorf("read who published last: %w", err)
	}
	return slices.ContainsFunc(origins, func(o messagingdb.ListOriginsRow) bool {
		return origin{clusterID: o.ClusterID}.foreignCluster(clusterID) != nil
	}), nil
}

// isFenced reports whether another producer has fenced a shard.
func isFenced(ctx context.Context, q *messagingdb.Queries) (bool, error) {
	halts, err := q.ListHalts(ctx)
	if err != nil {
		return false, fmt.Errorf("read which shards are halted: %w", err)
	}
	return slices.ContainsFunc(halts, func(h messagingdb.ListHaltsRow) bool { return h.Code == string(FencedByAnother) }), nil
}

// adoptLogs stores the logs that differ from what is stored, or all of them.
func adoptLogs(ctx context.Context, q *messagingdb.Queries, present PresentLogs, all bool) ([]AdoptedLog, error) {
	rows, err := q.ListLogs(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the ends of the logs: %w", err)
	}
	stored := map[broker.TopicPartition]messagingdb.OutboxLog{}
	for _, row := range rows {
		stored[shardOf(row.Topic, row.Shard)] = row
	}
	adopted := []AdoptedLog{}
	err = present.each(func(tp broker.TopicPartition, id broker.TopicID, end int64) error {
		row, known := stored[tp]
		changed := known && (broker.TopicID(row.TopicID) != id || row.AckedEnd > end)
		if !all && !changed {
			return nil
		}
		adopted = append(adopted, AdoptedLog{Topic: tp.Topic, Shard: tp.Partition, TopicID: id, From: end})
		if err := q.AdoptLog(ctx, messagingdb.AdoptLogParams{Topic: tp.Topic, Shard: int16(tp.Partition), TopicID: id.UUID(), AckedEnd: end}); err != nil {
			return fmt.Errorf("adopt %s: %w", tp, err)
		}
		return nil
	})
	return adopted, err
}

func adoptOrigin(ctx context.Context, tx pgx.Tx, present PresentLogs) error {
	server, err := readDatabaseServer(ctx, tx)
	if err != nil {
		return err
	}
	return present.Each(func(tp broker.TopicPartition, _ int64) error {
		if err := messagingdb.New(tx).SetOrigin(ctx, messagingdb.SetOriginParams{Topic: tp.Topic, Shard: int16(tp.Partition), ClusterID: present.ClusterID,
			SystemIdentifier: server.systemIdentifier, Timeline: server.timeline}); err != nil {
			return fmt.Errorf("adopt the cluster %s: %w", present.ClusterID, err)
		}
		return nil
	})
}

// restart makes each relay begin again with all its shards.
func restart(ctx context.Context, q *messagingdb.Queries) error {
	if err := q.DeleteHalts(ctx); err != nil {
		return fmt.Errorf("delete the halts of the outbox: %w", err)
	}
	if err := q.RaiseEpochs(ctx, skippedEpochs); err != nil {
		return fmt.Errorf("raise the epochs of the outbox: %w", err)
	}
	return nil
}

// ResetProducers gives all shards new producer ids. Before, stop every service that uses a copy of this database, and every
// paused relay of this one: a new producer id does not fence the old ones.
func ResetProducers(ctx context.Context, tx pgx.Tx) error {
	q := messagingdb.New(tx)
	if err := q.DeleteHalts(ctx); err != nil {
		return fmt.Errorf("delete the halts of the outbox: %w", err)
	}
	if err := q.ForgetProducers(ctx); err != nil {
		return fmt.Errorf("forget the producer ids of the outbox: %w", err)
	}
	return nil
}
