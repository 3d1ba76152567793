package broker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
)

// Config sets how to reach Kafka. Each comment ends with the default of the zero value.
type Config struct {
	Brokers  []string // host:port of some brokers; the client learns the others from them
	ClientID string   // shown in Kafka's logs and quotas; the name of the program

	// Prefix comes before the names of all topics and groups in Kafka, so that environments can share a cluster. Callers use
	// the names without it. See CheckPrefix; none.
	Prefix string

	// DialTimeout is for one connection, including TLS, sign-in and the negotiation of versions. It must be less than
	// ProduceTimeout, so that a broker that is gone leaves time for another one; half of ProduceTimeout.
	DialTimeout    time.Duration
	RequestTimeout time.Duration // for one metadata, offset, group or admin request; 10 s
	// ProduceTimeout bounds one call of Produce, including the time to connect; 2 s. The broker is told to wait for its
	// replicas for only three quarters of it, so that its response can still arrive.
	ProduceTimeout time.Duration
	MetadataTTL    time.Duration // how long a cached cluster layout is used; it is asked for again at half of it; 5 s
	// MaxBatchAge is the highest age at which an encoded batch may be sent; 15 min. It must stay far below the broker's
	// producer.id.expiration.ms (a day). After that time the broker does not recognize a repeated batch.
	MaxBatchAge time.Duration

	MaxConns int           // to each broker; further requests wait. A fetch or a join uses one while it waits for Kafka; 16
	MaxIdle  time.Duration // how long a connection is kept that no request uses; brokers close it after 10 min; 1 min

	TLS         *tls.Config  // as from LoadTLS; each broker's certificate must be valid for its host. nil means no TLS
	Credentials *Credentials // nil means no sign-in

	// Dial opens connections; net.Dialer's DialContext.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client is a client of one cluster. Its methods may be called concurrently.
type Client struct {
	cfg     Config
	log     *slog.Logger
	conns   *connPool
	order   *askOrder
	life    context.Context // ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup // the refresh

	mu         sync.Mutex
	cluster    clusterLayout
	expired    map[string]time.Time // by topic: a layout that was learned earlier is not used
	refreshing *refresh             // the running one, or nil
	groups     map[string]*groupStatus
	transfers  map[string]links // by the broker's address
}

// New checks the configuration and returns a client. It does not connect, so it also works while the cluster is away.
func New(cfg Config, log *slog.Logger) (*Client, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("no Kafka brokers are configured")
	}
	for _, address := range cfg.Brokers {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return nil, fmt.Errorf("the Kafka broker's address %q is not host:port: %w", address, err)
		}
	}
	if err := CheckPrefix(cfg.Prefix); err != nil {
		return nil, err
	}
	cfg.ClientID = cmp.Or(cfg.ClientID, filepath.Base(os.Args[0]))
	cfg.RequestTimeout = cmp.Or(cfg.RequestTimeout, 10*time.Second)
	cfg.ProduceTimeout = cmp.Or(cfg.ProduceTimeout, 2*time.Second)
	cfg.DialTimeout = cmp.Or(cfg.DialTimeout, cfg.ProduceTimeout/2)
	cfg.MetadataTTL = cmp.Or(cfg.MetadataTTL, 5*time.Second)
	cfg.MaxBatchAge = cmp.Or(cfg.MaxBatchAge, 15*time.Minute)
	cfg.MaxConns = cmp.Or(cfg.MaxConns, 16)
	cfg.MaxIdle = cmp.Or(cfg.MaxIdle, time.Minute)
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	conns, err := newConnPool(cfg)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, log: log, conns: conns, order: newAskOrder(cfg.Brokers), expired: map[string]time.Time{},
		groups: map[string]*groupStatus{}, transfers: map[string]links{}}
	c.life, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// Close closes every connection. Calls in progress fail. End Consume before.
func (c *Client) Close() {
	c.mu.Lock() // no refresh starts any more
	c.stop()
	c.mu.Unlock()
	c.conns.close()
	c.running.Wait()
}

// Ping returns an error if no broker answers.
func (c *Client) Ping(ctx context.Context) error {
	if _, err := c.askForMetadata(ctx, nil); err != nil {
		return fmt.Errorf("reach Kafka: %w", err)
	}
	return nil
}

// Timestamps with a special meaning in a ListOffsets request.
const (
	latestTimestamp   = -1
	earliestTimestamp = -2
)

// StartOffset returns the offset of the oldest record in the log.
func (c *Client) StartOffset(ctx context.Context, tp TopicPartition) (int64, error) {
	return c.offset(ctx, tp, earliestTimestamp)
}

// EndOffset returns the offset after the newest record that is on all in-sync replicas.
func (c *Client) EndOffset(ctx context.Context, tp TopicPartition) (int64, error) {
	return c.offset(ctx, tp, latestTimestamp)
}

func (c *Client) offset(ctx context.Context, tp TopicPartition, timestamp int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	for attempt := 0; ; attempt++ {
		offset, err := c.requestOffset(ctx, tp, timestamp)
		if err == nil {
			return offset, nil
		}
		// Only a request shows that the leader has moved, or that the connection is dead.
		c.distrustLayout(tp.Topic)
		if attempt == 1 || ctx.Err() != nil || errors.Is(err, ErrUnknownTopic) {
			return 0, fmt.Errorf("ask for an offset of %s: %w", tp, err)
		}
	}
}

func (c *Client) requestOffset(ctx context.Context, tp TopicPartition, timestamp int64) (int64, error) {
	leader, err := c.Leader(ctx, tp)
	if err != nil {
		return 0, err
	}
	address, err := c.address(leader)
	if err != nil {
		return 0, err
	}
	answer, err := c.conns.roundTrip(ctx, address, &listoffsets.Request{ReplicaID: -1,
		Topics: []listoffsets.RequestTopic{{Topic: c.wireName(tp.Topic), Partitions: []listoffsets.RequestPartition{
			{Partition: int32(tp.Partition), CurrentLeaderEpoch: -1, Timestamp: timestamp}}}}})
	if err != nil {
		return 0, err
	}
	response := answer.(*listoffsets.Response)
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return 0, errors.New("the broker's response is for another partition")
	}
	p := response.Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		return 0, kafka.Error(p.ErrorCode)
	}
	return p.Offset, nil
}
