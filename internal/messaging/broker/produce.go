package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

// allReplicas asks for an acknowledgement by all in-sync replicas.
const allReplicas = -1

// Result is the result of one batch.
type Result struct {
	Offset int64 // of the batch's first record, also if an earlier try had written it
	Err    error // nil, or an *Error
}

// NewProducerID asks Kafka for a unique producer id. The id is valid forever. The caller chooses the epochs.
func (c *Client) NewProducerID(ctx context.Context) (int64, error) {
	for {
		answer, source, err := c.askAnyBroker(ctx, &initproducerid.Request{ProducerID: -1, ProducerEpoch: -1})
		if err != nil {
			return 0, fmt.Errorf("ask Kafka for a producer id: %w", err)
		}
		response := answer.(*initproducerid.Response)
		switch code := kafka.Error(response.ErrorCode); code {
		case 0:
			return response.ProducerID, nil
		case kafka.GroupLoadInProgress, kafka.GroupCoordinatorNotAvailable, kafka.NotCoordinatorForGroup,
			kafka.RequestTimedOut, kafka.ConcurrentTransactions: // a broker that has just started has no ids yet
			c.order.putLast(source)
			if err := sleep(ctx, 20*time.Millisecond); err != nil {
				return 0, fmt.Errorf("ask Kafka for a producer id: %w", errors.Join(code, err))
			}
		default:
			return 0, fmt.Errorf("ask Kafka for a producer id: %w", code)
		}
	}
}

// Produce writes batches with one request, and returns one result for each, in the same order. One broker must lead all
// their partitions (see Leader). The failure of one partition does not affect the others.
//
// At most one batch of a partition may be in flight at a time, over all callers. Two concurrent requests have no order, and
// the leader refuses for good a batch that arrives out of sequence. When Produce has returned, nothing reads the batches
// any more. But keep a batch that failed unchanged, and send it again until its verdict is neither Resend nor NotWritten.
// Config.ProduceTimeout bounds the call. ProduceLimit tells how much it can carry in that time.
func (c *Client) Produce(ctx context.Context, batches []*Batch) []Result {
	results := make([]Result, len(batches))
	fresh := make([]int, 0, len(batches)) // indices of the batches to send
	for i, b := range batches {
		if age := time.Since(b.EncodedAt); age > c.cfg.MaxBatchAge {
			// Schedule: a producer stalls for a day, the broker forgets its sequences, and the repeated batch is written twice.
			results[i].Err = &Error{TP: b.TP, Verdict: NextEpoch, Err: fmt.Errorf("the batch was encoded %v ago", age)}
			continue
		}
		fresh = append(fresh, i)
	}
	if len(fresh) == 0 {
		return results
	}
	response, timedOut, err := c.sendProduce(ctx, batches, fresh)
	for _, i := range fresh {
		b := batches[i]
		if err != nil {
			results[i].Err = &Error{TP: b.TP, Verdict: Resend, Err: err, TimedOut: timedOut}
		} else {
			results[i] = resultOf(response, c.wireName(b.TP.Topic), b.TP)
		}
		switch VerdictOf(results[i].Err) {
		case Resend, NotWritten:
			if results[i].Err != nil {
				c.distrustLayout(b.TP.Topic)
			}
		default:
		}
	}
	return results
}

// ProduceLimit returns how many bytes of batches one Produce to a broker should carry at present, so that the link carries
// them in good time. A single batch that is larger may be sent alone.
func (c *Client) ProduceLimit(node NodeID) int {
	address, err := c.address(node)
	if err != nil {
		return firstTransfer
	}
	return c.links(address).produce.get()
}

func (c *Client) sendProduce(ctx context.Context, batches []*Batch, indices []int) (response *produce.Response, timedOut bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.ProduceTimeout)
	defer cancel()
	leader, err := c.Leader(ctx, batches[indices[0]].TP)
	if err != nil {
		return nil, false, err
	}
	address, err := c.address(leader)
	if err != nil {
		return nil, false, err
	}
	request, size := c.produceRequest(batches, indices)
	limit := c.links(address).produce
	answer, err := c.conns.do(ctx, address, func(conn *conn) (protocol.Message, error) {
		begun := time.Now()
		answer, err := conn.RoundTrip(request)
		if err == nil {
			limit.carried(size, time.Since(begun))
		} else if timedOut = isTimeout(err) && !errors.Is(ctx.Err(), context.Canceled); timedOut {
			limit.ranOut(size)
		}
		return answer, err
	})
	if err != nil {
		return nil, timedOut, err
	}
	return answer.(*produce.Response), false, nil
}

// produceRequest returns a request with the batches of these indices, and the size of the batches.
func (c *Client) produceRequest(batches []*Batch, indices []int) (request *rawproduce.Request, size int) {
	request = &rawproduce.Request{Acks: allReplicas, Timeout: int32((c.cfg.ProduceTimeout * 3 / 4).Milliseconds())}
	topics := map[string]int{}
	for _, i := range indices {
		b := batches[i]
		topicIndex, ok := topics[b.TP.Topic]
		if !ok {
			topicIndex = len(request.Topics)
			topics[b.TP.Topic] = topicIndex
			request.Topics = append(request.Topics, rawproduce.RequestTopic{Topic: c.wireName(b.TP.Topic)})
		}
		request.Topics[topicIndex].Partitions = append(request.Topics[topicIndex].Partitions, rawproduce.RequestPartition{
			Partition: int32(b.TP.Partition), RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(b.bytes)}})
		size += b.Bytes()
	}
	return request, size
}

func resultOf(response *produce.Response, name string, tp TopicPartition) Result {
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			if t.Topic != name || int(p.Partition) != tp.Partition {
				continue
			}
			if p.ErrorCode == 0 {
				return Result{Offset: p.BaseOffset}
			}
			err := error(kafka.Error(p.ErrorCode))
			if p.ErrorMessage != "" {
				err = fmt.Errorf("%w (%s)", err, p.ErrorMessage)
			}
			return Result{Err: &Error{TP: tp, Code: p.ErrorCode, Verdict: verdictOfCode(p.ErrorCode), Err: err}}
		}
	}
	return Result{Err: &Error{TP: tp, Verdict: Resend, Err: errors.New("the response does not name the partition")}}
}

// sleep waits for d, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
