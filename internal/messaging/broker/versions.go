package broker

import "github.com/segmentio/kafka-go/protocol"

// maxVersions lists every request that the library encodes, with the newest tested version. newestVersions has the others. That is the library's newest, but
// for group requests the last before the "flexible" encoding. From version 1 on, the library reads the responses to
// Heartbeat and LeaveGroup with two members swapped, and so misses every error.
//
//nolint:gochecknoglobals // a table
var maxVersions = map[protocol.ApiKey]int16{
	protocol.Produce:         8,
	protocol.ListOffsets:     5,
	protocol.OffsetCommit:    7,
	protocol.FindCoordinator: 2,
	protocol.JoinGroup:       5,
	protocol.Heartbeat:       0,
	protocol.LeaveGroup:      0,
	protocol.SyncGroup:       3,
	protocol.CreateTopics:    4,
	protocol.InitProducerId:  4,
	protocol.DescribeConfigs: 3,
}
