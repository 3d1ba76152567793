package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Config is how to reach Kafka. Zero values are the defaults named below.
type Config struct {
	Brokers  []string // host:port of some brokers, from which the others are learned
	ClientID string   // shown in Kafka's logs and quotas; "monsplit"

	DialTimeout    time.Duration // one connection, version negotiation included; 3 s
	RequestTimeout time.Duration // one metadata, offset, group or admin request; 10 s
	// ProduceTimeout bounds one call of Produce, connecting included; 2 s. The broker is told to give up on its
	// replicas a quarter earlier, so that its answer can still arrive.
	ProduceTimeout time.Duration
	MetadataTTL    time.Duration // age up to which leaders are taken from memory; 5 s
	// MaxBatchAge is how old an encoded batch may be when it is sent; 15 min. It has to stay far below the broker's
	// producer.id.expiration.ms (a day): after that the broker no longer knows a repetition.
	MaxBatchAge time.Duration

	// Dial replaces the dialler.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client talks to one cluster. Its methods may be called at the same time.
type Client struct {
	cfg    Config
	log    *slog.Logger
	conns  *conns
	asking chan struct{} // held by who asks for the cluster's layout

	mu      sync.Mutex
	cluster cluster
	groups  map[string]*groupStatus
}

// New checks the configuration. It does not connect: a cluster that is away is not an error here.
func New(cfg Config, log *slog.Logger) (*Client, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("no Kafka brokers are configured")
	}
	for _, address := range cfg.Brokers {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return nil, fmt.Errorf("the Kafka broker's address %q is not host:port: %w", address, err)
		}
	}
	cfg.ClientID = cmp.Or(cfg.ClientID, "monsplit")
	cfg.DialTimeout = cmp.Or(cfg.DialTimeout, 3*time.Second)
	cfg.RequestTimeout = cmp.Or(cfg.RequestTimeout, 10*time.Second)
	cfg.ProduceTimeout = cmp.Or(cfg.ProduceTimeout, 2*time.Second)
	cfg.MetadataTTL = cmp.Or(cfg.MetadataTTL, 5*time.Second)
	cfg.MaxBatchAge = cmp.Or(cfg.MaxBatchAge, 15*time.Minute)
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	return &Client{cfg: cfg, log: log, conns: newConns(cfg), asking: make(chan struct{}, 1),
		groups: map[string]*groupStatus{}}, nil
}

// Close ends every connection. Calls under way fail; Consume should have ended before.
func (c *Client) Close() { c.conns.close() }

// Ping says whether a broker answers.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.any(ctx, &metadata.Request{TopicNames: []string{}}) // empty: no topic; nil would be all
	if err != nil {
		return fmt.Errorf("reach Kafka: %w", err)
	}
	return nil
}

// The two moments that Kafka understands instead of a time.
const (
	atEnd   = -1
	atStart = -2
)

// StartOffset returns the offset of the oldest record that is kept.
func (c *Client) StartOffset(ctx context.Context, tp TopicPartition) (int64, error) {
	return c.offset(ctx, tp, atStart)
}

// EndOffset returns the offset after the newest record that is on all in-sync replicas.
func (c *Client) EndOffset(ctx context.Context, tp TopicPartition) (int64, error) {
	return c.offset(ctx, tp, atEnd)
}

func (c *Client) offset(ctx context.Context, tp TopicPartition, moment int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	for attempt := 0; ; attempt++ {
		offset, err := c.tryOffset(ctx, tp, moment)
		if err == nil {
			return offset, nil
		}
		// A leader that has moved, or a connection that has died, is found out by trying.
		c.forget(tp.Topic)
		if attempt == 1 || ctx.Err() != nil || errors.Is(err, ErrUnknownTopic) {
			return 0, fmt.Errorf("ask for an offset of %s: %w", tp, err)
		}
	}
}

func (c *Client) tryOffset(ctx context.Context, tp TopicPartition, moment int64) (int64, error) {
	leader, err := c.Leader(ctx, tp)
	if err != nil {
		return 0, err
	}
	address, err := c.address(leader)
	if err != nil {
		return 0, err
	}
	answer, err := c.conns.roundTrip(ctx, address, &listoffsets.Request{ReplicaID: -1,
		Topics: []listoffsets.RequestTopic{{Topic: tp.Topic, Partitions: []listoffsets.RequestPartition{
			{Partition: int32(tp.Partition), CurrentLeaderEpoch: -1, Timestamp: moment}}}}})
	if err != nil {
		return 0, err
	}
	response := answer.(*listoffsets.Response)
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return 0, errors.New("the broker's answer is for another partition")
	}
	p := response.Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		return 0, kafka.Error(p.ErrorCode)
	}
	return p.Offset, nil
}
