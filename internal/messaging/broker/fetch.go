package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxFetchBytes is the highest limit that a request asks for, over all partitions, and the highest size of a produce request.
const maxFetchBytes = 16 << 20

// lastVersionWithNames is the last version of Fetch that names topics by their names. Later ones use only their ids.
const lastVersionWithNames = 12

// partitionRequest is one partition of a fetch request, and the offset to begin at.
type partitionRequest struct {
	tp     TopicPartition
	log    logIdentity
	offset int64
}

// partitionResponse is one partition's part of a fetch response.
type partitionResponse struct {
	tp        TopicPartition
	errorCode kafka.Error
	logEnd    int64  // the offset after the newest record that is on all in-sync replicas
	batches   []byte // record batches; the last one may be cut off
}

// fetch asks one broker for records of several partitions. While there are none, the broker may wait for maxWait. It
// returns at least one batch of the first partition that has records, however large, and of the other partitions only
// what fits the limits. How much it asks for depends on what the link to the broker carries. It takes as long as bytes arrive.
func (c *Client) fetch(ctx context.Context, address string, requests []partitionRequest, maxWait time.Duration,
	partitionBytes int,
) ([]partitionResponse, error) {
	limit := c.links(address).fetch
	most := limit.get()
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes = int32(maxWait.Milliseconds()), 1, int32(most)
	request.SessionEpoch = -1
	send := requestor{pool: c.conns, address: address,
		body: &largeBody{first: maxWait + c.cfg.RequestTimeout, idle: c.cfg.RequestTimeout, limit: limit}}
	names := map[TopicID]string{}
	for _, r := range requests {
		if n := len(request.Topics); n == 0 || request.Topics[n-1].Topic != c.wireName(r.tp.Topic) || request.Topics[n-1].TopicID != r.log.topicID {
			topic := kmsg.NewFetchRequestTopic()
			topic.Topic, topic.TopicID = c.wireName(r.tp.Topic), r.log.topicID
			request.Topics = append(request.Topics, topic)
			if names[r.log.topicID] = r.tp.Topic; r.log.topicID.IsZero() {
				send.newest = lastVersionWithNames
			}
		}
		t := &request.Topics[len(request.Topics)-1]
		partition := kmsg.NewFetchRequestTopicPartition()
		partition.Partition, partition.CurrentLeaderEpoch = int32(r.tp.Partition), r.log.leaderEpoch
		partition.FetchOffset, partition.PartitionMaxBytes = r.offset, int32(min(partitionBytes, most))
		t.Partitions = append(t.Partitions, partition)
	}
	response, err := request.RequestWith(ctx, send)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	if response.ErrorCode != 0 {
		return nil, fmt.Errorf("fetch: %w", kafka.Error(response.ErrorCode))
	}
	var out []partitionResponse
	for _, t := range response.Topics {
		name := c.bareName(t.Topic)
		if response.Version > lastVersionWithNames {
			name = names[t.TopicID]
		}
		for _, p := range t.Partitions {
			out = append(out, partitionResponse{tp: TopicPartition{name, int(p.Partition)}, errorCode: kafka.Error(p.ErrorCode),
				logEnd: p.HighWatermark, batches: p.RecordBatches})
		}
	}
	return out, nil
}
