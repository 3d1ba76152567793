package kafkatest

import (
	"net"
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// staleNode is the id of the stale broker.
const staleNode = 7777

// StaleAddr returns the address of a broker that has lost its connection to the others and does not know it: it tells
// everyone that it leads all partitions in their first leader epoch, and refuses to write and to read, because it leads none.
func (b *Broker) StaleAddr(t testing.TB) string {
	t.Helper()
	addr, err := b.proxy.listen(&node{upstream: b.upstream, stale: true})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// believeStale makes a response to Metadata say that the stale broker at addr leads every partition.
func believeStale(r *kmsg.MetadataResponse, addr net.Addr) error {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	one := kmsg.NewMetadataResponseBroker()
	one.NodeID, one.Host, one.Port = staleNode, host, int32(number)
	r.Brokers, r.ControllerID = []kmsg.MetadataResponseBroker{one}, staleNode
	for i := range r.Topics {
		for j := range r.Topics[i].Partitions {
			r.Topics[i].Partitions[j].Leader, r.Topics[i].Partitions[j].LeaderEpoch = staleNode, 0
		}
	}
	return nil
}

// refuseStale returns the answer of the stale broker to a request for partitions, or nil if it may be forwarded.
func refuseStale(x exchange, frame []byte) ([]byte, error) {
	request := kmsg.RequestForKey(x.key)
	switch API(x.key) {
	case Produce, Fetch, ListOffsets:
	default:
		return nil, nil
	}
	request.SetVersion(x.version)
	if err := request.ReadFrom(frame[bodyAt(request, frame):]); err != nil {
		return nil, err
	}
	response := request.ResponseKind()
	response.SetVersion(x.version)
	code := kerr.NotLeaderForPartition.Code
	switch r := request.(type) {
	case *kmsg.ProduceRequest:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				addRefusals(response.(*kmsg.ProduceResponse), []refusal{{topic: t.Topic, partition: p.Partition, code: code}})
			}
		}
	case *kmsg.FetchRequest:
		for _, t := range r.Topics {
			topic := kmsg.NewFetchResponseTopic()
			topic.Topic, topic.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				partition := kmsg.NewFetchResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, code
				topic.Partitions = append(topic.Partitions, partition)
			}
			answer := response.(*kmsg.FetchResponse)
			answer.Topics = append(answer.Topics, topic)
		}
	case *kmsg.ListOffsetsRequest:
		for _, t := range r.Topics {
			topic := kmsg.NewListOffsetsResponseTopic()
			topic.Topic = t.Topic
			for _, p := range t.Partitions {
				partition := kmsg.NewListOffsetsResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, code
				topic.Partitions = append(topic.Partitions, partition)
			}
			answer := response.(*kmsg.ListOffsetsResponse)
			answer.Topics = append(answer.Topics, topic)
		}
	}
	body := []byte{}
	if response.IsFlexible() {
		body = append(body, 0) // no tags
	}
	return response.AppendTo(body), nil
}

// bodyAt returns where the body of a request begins, after the header with the client's id.
func bodyAt(request kmsg.Request, frame []byte) int {
	at := headerLength(frame)
	if request.IsFlexible() {
		at++ // no tags
	}
	return at
}
