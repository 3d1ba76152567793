package kafkatest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// API is a kind of request, by Kafka's number.
type API int16

// The kinds of request that tests count or hold, or whose answers they lose.
const (
	Produce         API = 0
	Fetch           API = 1
	ListOffsets     API = 2
	Metadata        API = 3
	OffsetCommit    API = 8
	FindCoordinator API = 10
	JoinGroup       API = 11
	Heartbeat       API = 12
	CreateTopics    API = 19
	InitProducerID  API = 22
)

// Forever as the number of times makes a fault last until Heal.
const Forever = -1

// refusal is a partition whose part of a Produce request gets an error and is not forwarded.
type refusal struct {
	topic     string
	partition int32
	code      int16
	left      int
}

type hold struct {
	api     API
	reached chan struct{}
	release chan struct{}
}

// faults are the errors to inject. They are used up in the order in which the test requested them.
type faults struct {
	mu     sync.Mutex
	counts map[API]int
	lose   map[API]int
	refuse []*refusal
	holds  []*hold
	damage []byte
}

func (f *faults) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lose, f.refuse, f.damage = nil, nil, nil
	for _, h := range f.holds {
		close(h.release)
	}
	f.holds = nil
}

// held counts a request. If the request must be held, it returns what to wait for.
func (f *faults) held(api API) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[API]int{}
	}
	f.counts[api]++
	for i, h := range f.holds {
		if h.api == api {
			f.holds = append(f.holds[:i:i], f.holds[i+1:]...)
			close(h.reached)
			return h.release
		}
	}
	return nil
}

// damaged returns the answer with each occurrence of the text that Damage names changed.
func (f *faults) damaged(x exchange, frame []byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if API(x.key) != Fetch || f.damage == nil {
		return frame
	}
	return bytes.ReplaceAll(frame, f.damage, bytes.Repeat([]byte{'x'}, len(f.damage)))
}

// apply notes in x what must happen to the answer. It returns the request without the refused partitions. If no partition
// is left, it returns the answer instead.
func (f *faults) apply(x *exchange, frame []byte) (request, answer []byte, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.lose[API(x.key)]; n != 0 {
		f.lose[API(x.key)] = max(n-1, Forever)
		x.loseAnswer = true
	}
	if API(x.key) != Produce || len(f.refuse) == 0 {
		return frame, nil, nil
	}
	head := headerLength(frame)
	r := kmsg.NewPtrProduceRequest()
	r.SetVersion(x.version)
	if r.IsFlexible() {
		return nil, nil, errors.New("RefuseProduce does not support this version of Produce")
	}
	if err := r.ReadFrom(frame[head:]); err != nil {
		return nil, nil, err
	}
	left := 0
	for i := range r.Topics {
		t := &r.Topics[i]
		kept := t.Partitions[:0]
		for _, p := range t.Partitions {
			if code := f.refused(t.Topic, p.Partition); code != 0 {
				x.refused = append(x.refused, refusal{topic: t.Topic, partition: p.Partition, code: code})
			} else {
				kept = append(kept, p)
			}
		}
		t.Partitions = kept
		left += len(kept)
	}
	if len(x.refused) == 0 {
		return frame, nil, nil
	}
	if left == 0 {
		response := kmsg.NewPtrProduceResponse()
		response.SetVersion(x.version)
		addRefusals(response, x.refused)
		return nil, response.AppendTo([]byte{}), nil
	}
	return r.AppendTo(frame[:head:head]), nil, nil
}

// headerLength returns the length of a request's header, without the tags of the flexible encoding.
func headerLength(frame []byte) int {
	clientID := int(int16(binary.BigEndian.Uint16(frame[8:])))
	return 10 + max(clientID, 0)
}

func (f *faults) refused(topic string, partition int32) int16 {
	for _, r := range f.refuse {
		if r.topic == topic && r.partition == partition && r.left != 0 {
			r.left = max(r.left-1, Forever)
			return r.code
		}
	}
	return 0
}

func addRefusals(response *kmsg.ProduceResponse, refused []refusal) {
	for _, r := range refused {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic = r.topic
		partition := kmsg.NewProduceResponseTopicPartition()
		partition.Partition, partition.ErrorCode, partition.BaseOffset = r.partition, r.code, -1
		topic.Partitions = append(topic.Partitions, partition)
		response.Topics = append(response.Topics, topic)
	}
}
