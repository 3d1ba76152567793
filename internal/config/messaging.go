package config

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/outbox"
)

// The settings of messaging are declared here, not in its packages: internal/messaging is a library that knows no
// variable names. Rules about the values themselves, such as outbox.LeaseHolds, belong to messaging.

// Kafka says where the brokers are and how this service creates its topics.
type Kafka struct {
	Brokers           []string `env:"KAFKA_BROKERS" about:"brokers from which the service learns about the cluster, as HOST:PORT, separated by commas. Required to serve."`
	Prefix            string   `env:"KAFKA_PREFIX" about:"comes before the names of all topics and consumer groups in Kafka, so that several environments can share one cluster. All services of an environment need the same value, and all tools that look into Kafka see the full names."`
	ReplicationFactor int      `env:"KAFKA_REPLICATION_FACTOR" envDefault:"3" about:"number of replicas of the topics that this service creates"`
	MinInSyncReplicas int      `env:"KAFKA_MIN_INSYNC_REPLICAS" envDefault:"2" about:"number of replicas that must hold an event before it counts as sent"`
	Access            KafkaAccess
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (k Kafka) Validate(must func(ok bool, variable, detail string, args ...any)) {
	must(len(k.Brokers) > 0, "KAFKA_BROKERS", "has to name at least one broker as HOST:PORT")
	for _, b := range k.Brokers {
		must(isBroker(b), "KAFKA_BROKERS", "has %q, which is not HOST:PORT with a port from 1 to 65535", withoutSignIn(b))
	}
	err := broker.CheckPrefix(k.Prefix)
	must(err == nil, "KAFKA_PREFIX", "cannot be used: %v", err)
	must(k.ReplicationFactor >= 1, "KAFKA_REPLICATION_FACTOR", "is %d, but must be 1 or more", k.ReplicationFactor)
	must(k.MinInSyncReplicas >= 1 && k.MinInSyncReplicas <= k.ReplicationFactor, "KAFKA_MIN_INSYNC_REPLICAS",
		"is %d, but must be between 1 and KAFKA_REPLICATION_FACTOR (%d)", k.MinInSyncReplicas, k.ReplicationFactor)
}

// isBroker reports whether text is HOST:PORT. A broker needs a port that others can connect to.
func isBroker(text string) bool {
	host, port, err := net.SplitHostPort(text)
	number, invalid := strconv.ParseUint(port, 10, 16)
	return err == nil && invalid == nil && host != "" && number > 0 && !strings.Contains(host, "@")
}

// withoutSignIn hides a password that does not belong into an address.
func withoutSignIn(address string) string {
	if i := strings.LastIndex(address, "@"); i >= 0 {
		return hidden + address[i:]
	}
	return address
}

// Outbox says how the relay publishes and how long the outbox keeps what has been sent.
type Outbox struct {
	LeaseTimeout   time.Duration `env:"OUTBOX_LEASE_TIMEOUT" envDefault:"6s" about:"how long a shard stays with an instance that no longer renews its lease; longer than one OUTBOX_PRODUCE_TIMEOUT and two OUTBOX_LEASE_RENEW"`
	LeaseRenew     time.Duration `env:"OUTBOX_LEASE_RENEW" envDefault:"1s" about:"how often an instance renews its leases"`
	ProduceTimeout time.Duration `env:"OUTBOX_PRODUCE_TIMEOUT" envDefault:"2s" about:"how long Kafka may take to acknowledge a batch"`
	SweepMin       time.Duration `env:"OUTBOX_SWEEP_MIN" envDefault:"100ms" about:"shortest time between two sweeps for unsent events"`
	SweepMax       time.Duration `env:"OUTBOX_SWEEP_MAX" envDefault:"1s" about:"longest time between two sweeps for unsent events"`
	ClaimRows      int           `env:"OUTBOX_CLAIM_ROWS" envDefault:"6000" about:"maximum number of unsent events that the relay reads at once"`
	Retention      time.Duration `env:"OUTBOX_RETENTION" envDefault:"168h" about:"minimum time that sent events stay in the outbox; the same for what is known of the way of events"`
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (o Outbox) Validate(must func(ok bool, variable, detail string, args ...any)) {
	positive := func(variable string, value time.Duration) {
		must(value > 0, variable, "is %s, but must be longer than 0s", value)
	}
	positive("OUTBOX_LEASE_TIMEOUT", o.LeaseTimeout)
	positive("OUTBOX_LEASE_RENEW", o.LeaseRenew)
	positive("OUTBOX_PRODUCE_TIMEOUT", o.ProduceTimeout)
	positive("OUTBOX_SWEEP_MIN", o.SweepMin)
	positive("OUTBOX_RETENTION", o.Retention)
	must(o.LeaseTimeout <= 0 || outbox.LeaseHolds(o.LeaseTimeout, o.LeaseRenew, o.ProduceTimeout), "OUTBOX_LEASE_TIMEOUT",
		"is %s, but must be longer than OUTBOX_PRODUCE_TIMEOUT (%s) and two of OUTBOX_LEASE_RENEW (%s): "+
			"one lost renewal would stop publishing", o.LeaseTimeout, o.ProduceTimeout, o.LeaseRenew)
	must(o.SweepMin <= o.SweepMax, "OUTBOX_SWEEP_MAX", "is %s, but must be OUTBOX_SWEEP_MIN (%s) or longer", o.SweepMax, o.SweepMin)
	must(o.ClaimRows >= 1, "OUTBOX_CLAIM_ROWS", "is %d, but must be 1 or more", o.ClaimRows)
}

// Consumer says how the service applies the events of other services.
type Consumer struct {
	Batch             int `env:"CONSUMER_BATCH" envDefault:"500" about:"maximum number of events that the consumer applies in one transaction"`
	DeadLettersInARow int `env:"CONSUMER_DEAD_LETTERS_IN_A_ROW" envDefault:"20" about:"how many events in a row, of different aggregates, may become dead letters. Then the partition is paused until an operator resumes it. -1 is without limit"`
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (c Consumer) Validate(must func(ok bool, variable, detail string, args ...any)) {
	must(c.DeadLettersInARow >= 1 || c.DeadLettersInARow == -1, "CONSUMER_DEAD_LETTERS_IN_A_ROW", "is %d, but must be 1 or more, or -1", c.DeadLettersInARow)
	must(c.Batch >= 1, "CONSUMER_BATCH", "is %d, but must be 1 or more", c.Batch)
}

// Requests says how long requests to other services, and their outcomes, are worth something.
type Requests struct {
	Expiry time.Duration `env:"REQUEST_EXPIRY" envDefault:"168h" about:"how long the owner of a model may take to decide about a request; between 1m and 8760h, and the same value in all services. The topics of requests and outcomes keep each message for 31 days longer, so they have to be changed too when this is raised."`
}

// Validate checks the values. must reports a fault of the variable unless ok.
func (r Requests) Validate(must func(ok bool, variable, detail string, args ...any)) {
	const most = 365 * 24 * time.Hour
	must(r.Expiry >= time.Minute && r.Expiry <= most, "REQUEST_EXPIRY", "is %s, but must be between 1m and 8760h", r.Expiry)
}

// TopicRetention is how long the topics of requests and outcomes keep each message: longer than 30 days after the request
// has expired.
func (r Requests) TopicRetention() time.Duration { return r.Expiry + 31*24*time.Hour }
