package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// AdoptedLog is a log that a database has accepted as its own.
type AdoptedLog struct {
	Topic   string         `json:"topic"`
	Shard   int            `json:"shard"`
	TopicID broker.TopicID `json:"-"`
	From    int64          `json:"from"` // the relay compares the log with the database from this offset on
}

// Place returns an offset of a partition. Broker.StartOffset and Broker.EndOffset are places.
type Place func(ctx context.Context, tp broker.TopicPartition) (int64, error)

// Adopt makes the database accept the present Kafka cluster and the present topics as the ones that it publishes to. Each
// relay begins again with all its shards, and compares each log with the database from the place on. If the cluster is
// another one, or another producer has fenced a shard, the shards also get new producer ids: see ResetProducers.
//
// It returns what it has accepted. Roll the transaction back for a dry run.
func Adopt(ctx context.Context, tx pgx.Tx, kafka Broker, topics []string, from Place) ([]AdoptedLog, error) {
	q := messagingdb.New(tx)
	shards, err := q.LockLeases(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock the leases of the outbox: %w", err)
	}
	clusterID, err := kafka.ClusterID(ctx)
	if err != nil {
		return nil, err
	}
	reset, err := needsNewProducers(ctx, q, clusterID)
	if err != nil {
		return nil, err
	}
	if reset {
		err = ResetProducers(ctx, tx)
	} else {
		err = restart(ctx, q)
	}
	if err != nil {
		return nil, err
	}
	adopted, err := adoptLogs(ctx, q, kafka, topics, shards, from)
	if err != nil {
		return nil, err
	}
	return adopted, adoptOrigin(ctx, tx, clusterID, shards)
}

func needsNewProducers(ctx context.Context, q *messagingdb.Queries, clusterID string) (bool, error) {
	origins, err := q.ListOrigins(ctx)
	if err != nil {
		return false, fmt.Errorf("read who published last: %w", err)
	}
	for _, o := range origins {
		if (origin{clusterID: o.ClusterID}).foreignCluster(clusterID) != nil {
			return true, nil
		}
	}
	halts, err := q.ListHalts(ctx)
	if err != nil {
		return false, fmt.Errorf("read which shards are halted: %w", err)
	}
	for _, h := range halts {
		if h.Code == string(FencedByAnother) {
			return true, nil
		}
	}
	return false, nil
}

func adoptLogs(ctx context.Context, q *messagingdb.Queries, kafka Broker, topics []string, shards []int16, from Place,
) (adopted []AdoptedLog, err error) {
	for _, topic := range topics {
		id, err := kafka.TopicID(ctx, topic)
		if err != nil {
			return nil, err
		}
		for _, shard := range shards {
			offset, err := from(ctx, broker.TopicPartition{Topic: topic, Partition: int(shard)})
			if err != nil {
				return nil, err
			}
			if err := q.AdoptLog(ctx, messagingdb.AdoptLogParams{Topic: topic, Shard: shard, TopicID: id.UUID(), AckedEnd: offset}); err != nil {
				return nil, fmt.Errorf("adopt %s-%d: %w", topic, shard, err)
			}
			adopted = append(adopted, AdoptedLog{Topic: topic, Shard: int(shard), TopicID: id, From: offset})
		}
	}
	return adopted, nil
}

func adoptOrigin(ctx context.Context, tx pgx.Tx, clusterID string, shards []int16) error {
	server, err := readDatabaseServer(ctx, tx)
	if err != nil {
		return err
	}
	for _, shard := range shards {
		if err := messagingdb.New(tx).SetOrigin(ctx, messagingdb.SetOriginParams{Shard: shard, ClusterID: clusterID,
			SystemIdentifier: server.systemIdentifier, Timeline: server.timeline}); err != nil {
			return fmt.Errorf("adopt the cluster %s: %w", clusterID, err)
		}
	}
	return nil
}

// restart makes each relay begin again with all its shards.
func restart(ctx context.Context, q *messagingdb.Queries) error {
	if err := q.DeleteHalts(ctx); err != nil {
		return fmt.Errorf("delete the halts of the outbox: %w", err)
	}
	if err := q.RaiseEpochs(ctx); err != nil {
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
