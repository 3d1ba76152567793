package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// fetchVersion is the version of Fetch whose response parseFetchResponse reads.
const fetchVersion = 11

const (
	maxFetchBytes    = 16 << 20  // limit that a request asks for, over all partitions
	maxResponseBytes = 256 << 20 // limit that is accepted: a single batch may be larger than maxFetchBytes
)

// partitionRequest is one partition of a fetch request, and the offset to begin at.
type partitionRequest struct {
	tp     TopicPartition
	offset int64
}

// partitionResponse is one partition's part of a fetch response.
type partitionResponse struct {
	tp        TopicPartition
	errorCode kafka.Error
	logStart  int64
	logEnd    int64  // the offset after the newest record that is on all in-sync replicas
	batches   []byte // record batches; the last one may be cut off
}

// fetch asks one broker for records of several partitions. While there are none, the broker may wait for maxWait. It
// returns at least one batch of the first partition that has records, however large, and of the other partitions only
// what fits the limits.
func (c *Client) fetch(ctx context.Context, address string, requests []partitionRequest, maxWait time.Duration,
	partitionBytes int,
) ([]partitionResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, maxWait+c.cfg.RequestTimeout)
	defer cancel()
	request := &fetch.Request{ReplicaID: -1, MaxWaitTime: int32(maxWait.Milliseconds()), MinBytes: 1,
		MaxBytes: maxFetchBytes, SessionEpoch: -1}
	for _, r := range requests {
		if n := len(request.Topics); n == 0 || request.Topics[n-1].Topic != r.tp.Topic {
			request.Topics = append(request.Topics, fetch.RequestTopic{Topic: r.tp.Topic})
		}
		t := &request.Topics[len(request.Topics)-1]
		t.Partitions = append(t.Partitions, fetch.RequestPartition{Partition: int32(r.tp.Partition), CurrentLeaderEpoch: -1,
			FetchOffset: r.offset, LogStartOffset: -1, PartitionMaxBytes: int32(partitionBytes)})
	}
	var responses []partitionResponse
	_, err := c.conns.do(ctx, address, func(conn *conn) (protocol.Message, error) {
		const correlation = 0x4d53
		if err := protocol.WriteRequest(conn, fetchVersion, correlation, c.cfg.ClientID, request); err != nil {
			return nil, err
		}
		body, err := readResponse(conn, correlation)
		if err == nil {
			responses, err = parseFetchResponse(body)
		}
		return nil, err
	})
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	return responses, nil
}

func readResponse(r io.Reader, correlation uint32) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(head[:])) - 4
	if size < 0 || size > maxResponseBytes {
		return nil, fmt.Errorf("a response of %d bytes", size)
	}
	if binary.BigEndian.Uint32(head[4:]) != correlation {
		return nil, errors.New("the response belongs to another request")
	}
	body := make([]byte, size)
	_, err := io.ReadFull(r, body)
	return body, err
}

// parseFetchResponse reads a Fetch response of version 11 without copying the records. The library's reader would decode
// them one by one, and hide where a batch ends.
func parseFetchResponse(body []byte) ([]partitionResponse, error) {
	r := wireReader{rest: body}
	r.take(4) // throttle time
	if code := kafka.Error(r.int16()); code != 0 {
		return nil, code
	}
	r.take(4) // session
	var out []partitionResponse
	for range r.count() {
		topic := string(r.take(int64(r.int16())))
		for range r.count() {
			p := partitionResponse{tp: TopicPartition{Topic: topic, Partition: int(r.int32())}}
			p.errorCode = kafka.Error(r.int16())
			p.logEnd = r.int64()
			r.take(8) // last stable offset
			p.logStart = r.int64()
			r.take(16 * int64(r.count())) // aborted transactions: our producers use none
			r.take(4)                     // preferred replica
			if n := r.int32(); n > 0 {
				p.batches = r.take(int64(n))
			}
			out = append(out, p)
			if r.broken {
				return nil, errors.New("the response cannot be parsed")
			}
		}
	}
	if r.broken {
		return nil, errors.New("the response cannot be parsed")
	}
	return out, nil
}

// Read returns some records of a partition, from an offset on, with one request. It is for tools and tests; a consumer
// uses Consume. next is the offset to continue from. Because of compaction it may be higher than the offset after the
// last record. end is the log's end. There, Read returns no records.
func (c *Client) Read(ctx context.Context, tp TopicPartition, from int64) (records []Fetched, next, end int64, err error) {
	for attempt := 0; ; attempt++ {
		records, next, end, err = c.tryRead(ctx, tp, from)
		if err == nil || attempt == 2 || ctx.Err() != nil || errors.Is(err, kafka.OffsetOutOfRange) {
			break
		}
		c.expireLayout(tp.Topic)
	}
	if err != nil {
		return nil, from, 0, fmt.Errorf("read %s from offset %d: %w", tp, from, err)
	}
	return records, next, end, nil
}

func (c *Client) tryRead(ctx context.Context, tp TopicPartition, from int64) ([]Fetched, int64, int64, error) {
	leader, err := c.Leader(ctx, tp)
	if err != nil {
		return nil, 0, 0, err
	}
	address, err := c.address(leader)
	if err != nil {
		return nil, 0, 0, err
	}
	answer, err := c.fetch(ctx, address, []partitionRequest{{tp, from}}, 0, defaultMaxBytes)
	if err != nil {
		return nil, 0, 0, err
	}
	if len(answer) != 1 || answer[0].tp != tp {
		return nil, 0, 0, errors.New("the response is for another partition")
	}
	if answer[0].errorCode != 0 {
		return nil, 0, 0, answer[0].errorCode
	}
	d, err := decodeBatches(answer[0].batches, from, maxDecompressed)
	return d.records, d.next, answer[0].logEnd, err
}
