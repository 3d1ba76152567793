package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

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
	body    *largeBody // how to read a response that may be large; nil means within the time of the context
}

// largeBody is a response that may take long, because the link is slow. It ends only when no byte arrives for the time idle.
type largeBody struct {
	first time.Duration // for the request, and until the response begins
	idle  time.Duration
	limit *transferLimit // learns how long the response takes
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
		if r.body == nil {
			response, err = c.exchange(request, r.pool.cfg.ClientID)
		} else {
			response, err = c.exchangeLarge(ctx, request, r.pool.cfg.ClientID, r.body)
		}
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
	return c.exchangeWith(request, clientID, func(body []byte) error {
		_, err := io.ReadFull(c, body)
		return err
	})
}

// exchangeLarge is exchange for a response that may take longer than the time of the context.
func (c *conn) exchangeLarge(ctx context.Context, request kmsg.Request, clientID string, large *largeBody) (kmsg.Response, error) {
	if err := c.within(ctx, large.first); err != nil {
		return nil, err
	}
	return c.exchangeWith(request, clientID, func(body []byte) error { return c.readLarge(ctx, body, large) })
}

func (c *conn) exchangeWith(request kmsg.Request, clientID string, read func(body []byte) error) (kmsg.Response, error) {
	const correlation = 0x4d53
	if _, err := c.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)).AppendRequest(nil, request, correlation)); err != nil {
		return nil, err
	}
	size, err := readHead(c, correlation)
	if err != nil {
		return nil, err
	}
	body := make([]byte, size)
	if err := read(body); err != nil {
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

// within sets the time for what the connection does next. If ctx has ended, the connection must not be used: the end of ctx
// has already interrupted it, and the new time would undo that.
func (c *conn) within(ctx context.Context, d time.Duration) error {
	return errors.Join(c.SetDeadline(time.Now().Add(d)), ctx.Err())
}

// readLarge fills body, as long as bytes arrive.
func (c *conn) readLarge(ctx context.Context, body []byte, large *largeBody) error {
	begun := time.Now()
	for rest := body; len(rest) > 0; {
		if err := c.within(ctx, large.idle); err != nil {
			return err
		}
		n, err := c.Read(rest)
		rest = rest[n:]
		if err != nil && len(rest) > 0 {
			if isTimeout(err) {
				large.limit.ranOut(len(body))
			}
			return err
		}
	}
	large.limit.carried(len(body), time.Since(begun))
	return nil
}

const maxResponseBytes = 256 << 20 // a single batch may be larger than what a fetch asks for

// readHead returns the size of a response's body.
func readHead(r io.Reader, correlation uint32) (int64, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, err
	}
	size := int64(binary.BigEndian.Uint32(head[:])) - 4
	if size < 0 || size > maxResponseBytes {
		return 0, fmt.Errorf("a response of %d bytes", size)
	}
	if binary.BigEndian.Uint32(head[4:]) != correlation {
		return 0, errors.New("the response belongs to another request")
	}
	return size, nil
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
