package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The library's protocol package lacks topic ids and OffsetForLeaderEpoch, and its Fetch decodes every record. These
// requests are encoded with kmsg instead, and sent over the same connections.

// newestVersions lists the requests that are encoded with kmsg, with the oldest version that works and the newest tested one.
//
//nolint:gochecknoglobals // a table
var newestVersions = map[kmsg.Key]struct{ oldest, newest int16 }{
	kmsg.Fetch:                {11, 13}, // from 13 on it names topics by their id
	kmsg.Metadata:             {4, 12},  // from 10 on it tells topic ids
	kmsg.OffsetForLeaderEpoch: {3, 4},
}

// requestor sends kmsg requests to one broker. It implements kmsg.Requestor.
type requestor struct {
	pool    *connPool
	address string
	twice   bool // the request may be sent twice: it changes nothing
	newest  int16
}

// Request implements kmsg.Requestor.
func (r requestor) Request(ctx context.Context, request kmsg.Request) (kmsg.Response, error) {
	var response kmsg.Response
	exchange := func(c *conn) (protocol.Message, error) {
		version := c.versions[kmsg.Key(request.Key())]
		if r.newest > 0 {
			version = min(version, r.newest)
		}
		request.SetVersion(version)
		var err error
		response, err = c.exchange(request, r.pool.cfg.ClientID)
		return nil, err
	}
	do := r.pool.do
	if r.twice {
		do = r.pool.doTwice
	}
	_, err := do(ctx, r.address, exchange)
	return response, err
}

// exchange sends one request and reads its response. The response's byte slices belong to the caller.
func (c *conn) exchange(request kmsg.Request, clientID string) (kmsg.Response, error) {
	const correlation = 0x4d53
	if _, err := c.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)).AppendRequest(nil, request, correlation)); err != nil {
		return nil, err
	}
	body, err := readResponse(c, correlation)
	if err != nil {
		return nil, err
	}
	response := request.ResponseKind()
	if response.IsFlexible() {
		if body, err = skipTags(body); err != nil {
			return nil, err
		}
	}
	if err := response.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("the response cannot be parsed: %w", err)
	}
	return response, nil
}

const maxResponseBytes = 256 << 20 // a single batch may be larger than what a fetch asks for

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

// skipTags skips the tagged fields in the header of a response in the "flexible" encoding.
func skipTags(body []byte) ([]byte, error) {
	broken := errors.New("the header of the response cannot be parsed")
	uvarint := func() uint64 {
		v, n := binary.Uvarint(body)
		if n <= 0 {
			return 1 << 63
		}
		body = body[n:]
		return v
	}
	count := uvarint()
	for range count {
		uvarint() // the field's number
		size := uvarint()
		if size > uint64(len(body)) {
			return nil, broken
		}
		body = body[size:]
	}
	if count == 1<<63 {
		return nil, broken
	}
	return body, nil
}
