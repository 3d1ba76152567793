package kafkatest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// Reset deletes topics whose names are not the test's to choose, so that it finds none of an earlier test's events.
// Only one test at a time can use such topics of a real cluster.
func (b *Broker) Reset(t testing.TB, topics ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := b.deleteTopics(ctx, topics); err != nil {
		t.Fatal(err)
	}
	// A client that remembers nothing: the cluster takes a moment to forget.
	c, err := broker.New(broker.Config{Brokers: []string{b.upstream}, MetadataTTL: time.Nanosecond},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, topic := range topics {
		Eventually(t, "topic "+topic+" is gone", func() bool {
			_, err := c.Partitions(ctx, topic)
			return errors.Is(err, broker.ErrUnknownTopic)
		})
	}
}

// deleteTopics speaks the protocol itself: no product code deletes a topic, so the client cannot.
func (b *Broker) deleteTopics(ctx context.Context, topics []string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", b.upstream)
	if err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("delete topics: %w", err)
		}
	}
	request := kmsg.NewPtrDeleteTopicsRequest()
	request.SetVersion(3) // the last before the "flexible" encoding
	request.TopicNames, request.TimeoutMillis = topics, 10_000
	frame := binary.BigEndian.AppendUint16(nil, uint16(request.Key()))
	frame = binary.BigEndian.AppendUint16(frame, uint16(request.GetVersion()))
	frame = binary.BigEndian.AppendUint32(frame, 1)      // correlation
	frame = binary.BigEndian.AppendUint16(frame, 0xffff) // no client id
	if err := writeFrame(conn, request.AppendTo(frame)); err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	answer, err := readFrame(conn)
	if err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	response := kmsg.NewPtrDeleteTopicsResponse()
	response.SetVersion(request.GetVersion())
	if err := response.ReadFrom(answer[min(4, len(answer)):]); err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	for _, topic := range response.Topics {
		if err := kerr.ErrorForCode(topic.ErrorCode); err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("delete topic %s: %w", *topic.Topic, err)
		}
	}
	return nil
}
