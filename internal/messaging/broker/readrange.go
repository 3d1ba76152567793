package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// ErrLogEnds reports that a log ends before the range that was to be read.
var ErrLogEnds = errors.New("the log ends earlier")

// readAttempts is how often one request of Read is tried.
const readAttempts = 5

// Read returns some records of a partition, from an offset on, with one request. It is for tools and tests; a consumer
// uses Consume. next is the offset to continue from. Because of compaction it may be higher than the offset after the
// last record. end is the log's end. There, Read returns no records.
func (c *Client) Read(ctx context.Context, tp TopicPartition, from int64) (records []Fetched, next, end int64, err error) {
	p, err := c.readPiece(ctx, tp, from, maxDecompressed)
	if err != nil {
		return nil, from, 0, err
	}
	return p.records, p.next, p.end, nil
}

// ReadRange calls f with each record of a partition from offset from up to, but not including, offset to. Of a compacted
// log, some offsets have no record. It holds a few megabytes at a time. It ends with the first error of f. It returns
// ErrLogEnds if the log ends before to, ErrTopicRecreated if it is no longer the log in which the reading began, and an error
// that wraps kafka.OffsetOutOfRange if the log starts after from.
func (c *Client) ReadRange(ctx context.Context, tp TopicPartition, from, to int64, f func(Fetched) error) error {
	var id TopicID
	empty := 0 // responses in a row that brought nothing
	for next := from; next < to; {
		p, err := c.readPiece(ctx, tp, next, 4*defaultMaxBytes)
		if err != nil {
			return err
		}
		if p.topicID.differsFrom(id) {
			return fmt.Errorf("read %s from offset %d: %w", tp, next, ErrTopicRecreated)
		}
		id = p.topicID
		for _, r := range p.records {
			if r.Offset >= to {
				return nil
			}
			if err := f(r); err != nil {
				return err
			}
		}
		if empty++; p.next > next {
			empty = 0
		}
		if empty == readAttempts {
			return fmt.Errorf("read %s from offset %d to %d: %w, at %d", tp, from, to, ErrLogEnds, p.end)
		}
		next = p.next
	}
	return nil
}

// piece is what one request of Read brings.
type piece struct {
	decodedBatches
	end     int64 // of the log
	topicID TopicID
}

func (c *Client) readPiece(ctx context.Context, tp TopicPartition, from int64, maxBytes int) (piece, error) {
	for attempt := 1; ; attempt++ {
		p, err := c.tryRead(ctx, tp, from, maxBytes)
		if err == nil {
			return p, nil
		}
		c.distrustLayout(tp.Topic)
		if attempt == readAttempts || errors.Is(err, kafka.OffsetOutOfRange) || errors.Is(err, ErrUnknownTopic) ||
			sleep(ctx, time.Duration(attempt)*20*time.Millisecond) != nil {
			return piece{}, fmt.Errorf("read %s from offset %d: %w", tp, from, err)
		}
	}
}

func (c *Client) tryRead(ctx context.Context, tp TopicPartition, from int64, maxBytes int) (piece, error) {
	leader, err := c.Leader(ctx, tp)
	if err != nil {
		return piece{}, err
	}
	address, err := c.address(leader)
	if err != nil {
		return piece{}, err
	}
	log, err := c.identity(ctx, tp)
	if err != nil {
		return piece{}, err
	}
	answer, err := c.fetch(ctx, address, []partitionRequest{{tp, log, from}}, 0, defaultMaxBytes)
	if err != nil {
		return piece{}, err
	}
	if len(answer) != 1 || answer[0].tp != tp {
		return piece{}, errors.New("the response is for another partition")
	}
	if answer[0].errorCode != 0 {
		return piece{}, answer[0].errorCode
	}
	d, err := decodeBatches(answer[0].batches, from, maxBytes)
	return piece{d, answer[0].logEnd, log.topicID}, err
}
