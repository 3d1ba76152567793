package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"
)

// Config is how to reach Kafka. Zero values are the defaults named below.
type Config struct {
	Brokers  []string // host:port of some brokers, from which the others are learned
	ClientID string   // shown in Kafka's logs and quotas; "monsplit"

	DialTimeout    time.Duration // one connection, version negotiation included; 3 s
	RequestTimeout time.Duration // one metadata, offset or admin request; 10 s
	// ProduceTimeout bounds one Produce call, and is how long the leader itself may wait for its replicas; 2 s.
	ProduceTimeout time.Duration
	MetadataTTL    time.Duration // age up to which leaders are taken from memory; 5 s

	// Dial replaces the dialler, for tests and proxies.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

var errNotImplemented = errors.New("not implemented")

// Client talks to one cluster. Its methods may be called at the same time.
type Client struct {
	cfg Config
	log *slog.Logger
}

// New checks the configuration. It does not connect: a cluster that is away is not an error here.
func New(cfg Config, log *slog.Logger) (*Client, error) {
	return &Client{cfg: cfg, log: log}, nil
}

// Close ends every connection. Calls under way fail; Consume should have ended before.
func (c *Client) Close() {}

// Ping says whether a broker answers.
func (c *Client) Ping(ctx context.Context) error { return errNotImplemented }

// Partitions returns how many partitions a topic has, or ErrUnknownTopic. It never creates one.
func (c *Client) Partitions(ctx context.Context, topic string) (int, error) {
	return 0, errNotImplemented
}

// StartOffset returns the offset of the oldest record that is kept.
func (c *Client) StartOffset(ctx context.Context, tp TopicPartition) (int64, error) {
	return 0, errNotImplemented
}

// EndOffset returns the offset after the newest record.
func (c *Client) EndOffset(ctx context.Context, tp TopicPartition) (int64, error) {
	return 0, errNotImplemented
}

// Leader returns the broker that takes writes for the partition, as last heard.
func (c *Client) Leader(ctx context.Context, tp TopicPartition) (NodeID, error) {
	return 0, errNotImplemented
}
