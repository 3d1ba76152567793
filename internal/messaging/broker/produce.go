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

// allReplicas is the acknowledgement that counts: from every in-sync replica.
const allReplicas = -1

// Result is what became of one batch.
type Result struct {
	Offset int64 // of the batch's first record, also when an earlier try had written it
	Err    error // nil, or an *Error
}

// NewProducerID asks Kafka for an id that nobody else has. It is good for ever; the epochs below it are the caller's.
func (c *Client) NewProducerID(ctx context.Context) (int64, error) {
	for {
		answer, err := c.any(ctx, &initproducerid.Request{ProducerID: -1, ProducerEpoch: -1})
		if err != nil {
			return 0, fmt.Errorf("ask Kafka for a producer id: %w", err)
		}
		response := answer.(*initproducerid.Response)
		switch code := kafka.Error(response.ErrorCode); code {
		case 0:
			return response.ProducerID, nil
		case kafka.GroupLoadInProgress, kafka.GroupCoordinatorNotAvailable, kafka.NotCoordinatorForGroup,
			kafka.RequestTimedOut, kafka.ConcurrentTransactions: // a broker that just started has no ids to give yet
			if err := pause(ctx, 20*time.Millisecond); err != nil {
				return 0, fmt.Errorf("ask Kafka for a producer id: %w", errors.Join(code, err))
			}
		default:
			return 0, fmt.Errorf("ask Kafka for a producer id: %w", code)
		}
	}
}

// Produce writes batches, all led by one broker (see Leader), in one request, and returns one result for each, in their
// order. One partition's failure leaves the others alone.
//
// At most one batch of a partition may be under way at a time, over all callers: two requests have no order among them,
// and the leader refuses for good what it finds out of sequence. When Produce has returned, nothing here reads the
// batches any more, but one that failed has to be kept as it is and sent again until its verdict is something else than
// Resend or NotWritten. The call is bounded by the configured ProduceTimeout.
func (c *Client) Produce(ctx context.Context, batches []*Batch) []Result {
	results := make([]Result, len(batches))
	fresh := make([]int, 0, len(batches)) // the indices of those to send
	for i, b := range batches {
		if age := time.Since(b.EncodedAt); age > c.cfg.MaxBatchAge {
			// Schedule: a producer stalls for a day, the broker forgets its sequences, the repetition is written twice.
			results[i].Err = &Error{TP: b.TP, Verdict: NextEpoch, Err: fmt.Errorf("the batch was encoded %v ago", age)}
			continue
		}
		fresh = append(fresh, i)
	}
	if len(fresh) == 0 {
		return results
	}
	response, err := c.sendProduce(ctx, batches, fresh)
	for _, i := range fresh {
		b := batches[i]
		if err != nil {
			results[i].Err = &Error{TP: b.TP, Verdict: Resend, Err: err}
		} else {
			results[i] = resultOf(response, b.TP)
		}
		switch VerdictOf(results[i].Err) {
		case Resend, NotWritten:
			if results[i].Err != nil {
				c.forget(b.TP.Topic)
			}
		default:
		}
	}
	return results
}

func (c *Client) sendProduce(ctx context.Context, batches []*Batch, indices []int) (*produce.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.ProduceTimeout)
	defer cancel()
	leader, err := c.Leader(ctx, batches[indices[0]].TP)
	if err != nil {
		return nil, err
	}
	address, err := c.address(leader)
	if err != nil {
		return nil, err
	}
	request := &rawproduce.Request{Acks: allReplicas, Timeout: int32((c.cfg.ProduceTimeout * 3 / 4).Milliseconds())}
	topics := map[string]int{}
	for _, i := range indices {
		b := batches[i]
		t, ok := topics[b.TP.Topic]
		if !ok {
			t = len(request.Topics)
			topics[b.TP.Topic] = t
			request.Topics = append(request.Topics, rawproduce.RequestTopic{Topic: b.TP.Topic})
		}
		request.Topics[t].Partitions = append(request.Topics[t].Partitions, rawproduce.RequestPartition{
			Partition: int32(b.TP.Partition), RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(b.bytes)}})
	}
	answer, err := c.conns.roundTrip(ctx, address, request)
	if err != nil {
		return nil, err
	}
	return answer.(*produce.Response), nil
}

func resultOf(response *produce.Response, tp TopicPartition) Result {
	for _, t := range response.Topics {
		for _, p := range t.Partitions {
			if t.Topic != tp.Topic || int(p.Partition) != tp.Partition {
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
	return Result{Err: &Error{TP: tp, Verdict: Resend, Err: errors.New("the answer does not name the partition")}}
}

// pause waits for a while, or until ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
