package broker

import "github.com/segmentio/kafka-go/protocol"

// newestVersion lists each request that we make with the newest version of it that was tried: the library's, but for
// group requests the last before the "flexible" encoding. The library reads the answers to Heartbeat and LeaveGroup with
// two members swapped from version 1 on, and so takes every error for none.
//
//nolint:gochecknoglobals // a table
var newestVersion = map[protocol.ApiKey]int16{
	protocol.Produce:         8,
	protocol.Fetch:           fetchVersion,
	protocol.ListOffsets:     5,
	protocol.Metadata:        8,
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
