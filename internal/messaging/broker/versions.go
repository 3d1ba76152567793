package broker

import "github.com/segmentio/kafka-go/protocol"

// newestVersion lists each request that we make with the newest version of it that was tried: the library's, but for
// group requests the last before the "flexible" encoding.
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
	protocol.Heartbeat:       3,
	protocol.LeaveGroup:      2,
	protocol.SyncGroup:       3,
	protocol.CreateTopics:    4,
	protocol.InitProducerId:  4,
	protocol.DescribeConfigs: 3,
}
