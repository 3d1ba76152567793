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

// fetchVersion is the version of Fetch whose answer parseFetch reads.
const fetchVersion = 11

const (
	maxFetchBytes  = 16 << 20  // asked for in one request, over all partitions
	maxAnswerBytes = 256 << 20 // taken: a single batch may be larger than what was asked for
)

// want is a partition to fetch from, and the offset to begin at.
type want struct {
	tp   TopicPartition
	from int64
}

// got is a partition's part of an answer.
type got struct {
	tp       TopicPartition
	code     kafka.Error
	logStart int64
	end      int64  // the offset after the newest record that is on all in-sync replicas
	data     []byte // record batches, the last perhaps cut off
}

// fetch asks one broker for what it has of the wanted partitions, and lets it wait while there is nothing. The broker
// gives at least one batch of the first partition that has any, however large; of the others only what fits.
func (c *Client) fetch(ctx context.Context, address string, wants []want, wait time.Duration, partitionBytes int) ([]got, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+c.cfg.RequestTimeout)
	defer cancel()
	request := &fetch.Request{ReplicaID: -1, MaxWaitTime: int32(wait.Milliseconds()), MinBytes: 1,
		MaxBytes: maxFetchBytes, SessionEpoch: -1}
	for _, w := range wants {
		if n := len(request.Topics); n == 0 || request.Topics[n-1].Topic != w.tp.Topic {
			request.Topics = append(request.Topics, fetch.RequestTopic{Topic: w.tp.Topic})
		}
		t := &request.Topics[len(request.Topics)-1]
		t.Partitions = append(t.Partitions, fetch.RequestPartition{Partition: int32(w.tp.Partition), CurrentLeaderEpoch: -1,
			FetchOffset: w.from, LogStartOffset: -1, PartitionMaxBytes: int32(partitionBytes)})
	}
	var answer []got
	_, err := c.conns.do(ctx, address, func(conn *conn) (protocol.Message, error) {
		const correlation = 0x4d53
		if err := protocol.WriteRequest(conn, fetchVersion, correlation, c.cfg.ClientID, request); err != nil {
			return nil, err
		}
		body, err := readAnswer(conn, correlation)
		if err == nil {
			answer, err = parseFetch(body)
		}
		return nil, err
	})
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	return answer, nil
}

func readAnswer(r io.Reader, correlation uint32) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(head[:])) - 4
	if size < 0 || size > maxAnswerBytes {
		return nil, fmt.Errorf("an answer of %d bytes", size)
	}
	if binary.BigEndian.Uint32(head[4:]) != correlation {
		return nil, errors.New("the answer is another request's")
	}
	body := make([]byte, size)
	_, err := io.ReadFull(r, body)
	return body, err
}

// parseFetch reads a Fetch answer of version 11 without copying the records, which the library's reader would take
// apart one by one, hiding where a batch ends.
func parseFetch(body []byte) ([]got, error) {
	r := reader{b: body}
	r.take(4) // throttle time
	if code := kafka.Error(r.int16()); code != 0 {
		return nil, code
	}
	r.take(4) // session
	var out []got
	for range r.count() {
		topic := string(r.take(int64(r.int16())))
		for range r.count() {
			g := got{tp: TopicPartition{Topic: topic, Partition: int(r.int32())}}
			g.code = kafka.Error(r.int16())
			g.end = r.int64()
			r.take(8) // last stable offset
			g.logStart = r.int64()
			r.take(16 * int64(r.count())) // aborted transactions: nobody here writes any
			r.take(4)                     // preferred replica
			if n := r.int32(); n > 0 {
				g.data = r.take(int64(n))
			}
			out = append(out, g)
			if r.broken {
				return nil, errors.New("the answer is broken")
			}
		}
	}
	if r.broken {
		return nil, errors.New("the answer is broken")
	}
	return out, nil
}

// Read returns some records of a partition from an offset on, in one request, for tools and tests: a consumer goes by
// Consume. It returns the offset to go on from, which is beyond the last record where compaction left a gap, and the
// log's end. At the end there are no records.
func (c *Client) Read(ctx context.Context, tp TopicPartition, from int64) (records []Fetched, next, end int64, err error) {
	for attempt := 0; ; attempt++ {
		records, next, end, err = c.tryRead(ctx, tp, from)
		if err == nil || attempt == 2 || ctx.Err() != nil || errors.Is(err, kafka.OffsetOutOfRange) {
			break
		}
		c.forget(tp.Topic)
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
	answer, err := c.fetch(ctx, address, []want{{tp, from}}, 0, defaultMaxBytes)
	if err != nil {
		return nil, 0, 0, err
	}
	if len(answer) != 1 || answer[0].tp != tp {
		return nil, 0, 0, errors.New("the answer is for another partition")
	}
	if answer[0].code != 0 {
		return nil, 0, 0, answer[0].code
	}
	d, err := decodeBatches(answer[0].data, from, maxInflated)
	return d.records, d.next, answer[0].end, err
}
