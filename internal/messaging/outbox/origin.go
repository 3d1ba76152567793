package outbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/monsplit/monsplit/internal/messaging/broker"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
	"github.com/monsplit/monsplit/internal/pgtx"
)

// databaseServer identifies the history of a database server. A server that is restored from a dump, or upgraded, has
// another system identifier. A standby that is promoted, or a server that is restored to a point in time, has another
// timeline. The zero value is unknown: some managed databases do not tell.
type databaseServer struct{ systemIdentifier, timeline int64 }

// differsFrom reports whether both are known and are not the same.
func (s databaseServer) differsFrom(other databaseServer) bool {
	return s != databaseServer{} && other != databaseServer{} && s != other
}

func readDatabaseServer(ctx context.Context, db messagingdb.DBTX) (s databaseServer, err error) {
	// The first eight hexadecimal digits of the name of a WAL file are the timeline. pg_control_checkpoint shows it later,
	// only after the first checkpoint of a promoted server.
	err = db.QueryRow(ctx, `SELECT system_identifier,
		('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint FROM pg_control_system()`).
		Scan(&s.systemIdentifier, &s.timeline)
	switch pgtx.SQLState(err) {
	case "42501", "42883", "0A000": // insufficient_privilege, undefined_function, feature_not_supported
		return databaseServer{}, nil
	}
	if err != nil {
		return s, fmt.Errorf("read which database server this is: %w", err)
	}
	return s, nil
}

// origin is the database server and the Kafka cluster that published a shard last. The zero value is unknown: no relay of a
// version that stores it has published the shard.
type origin struct {
	clusterID string
	server    databaseServer
}

func readOrigin(ctx context.Context, q *messagingdb.Queries, shard broker.TopicPartition) (origin, error) {
	row, err := q.GetOrigin(ctx, shard.Topic, int16(shard.Partition))
	if errors.Is(err, pgx.ErrNoRows) {
		return origin{}, nil
	}
	if err != nil {
		return origin{}, fmt.Errorf("read who published %s last: %w", shard, err)
	}
	return origin{clusterID: row.ClusterID, server: databaseServer{row.SystemIdentifier, row.Timeline}}, nil
}

// foreignCluster returns a halt if the shard was published to another cluster.
func (o origin) foreignCluster(clusterID string) *Halt {
	if o.clusterID == "" || clusterID == "" || o.clusterID == clusterID {
		return nil
	}
	return &Halt{Code: ForeignCluster, Reason: fmt.Sprintf(
		"this database has published to the Kafka cluster %s, but the brokers belong to the cluster %s", o.clusterID, clusterID)}
}
