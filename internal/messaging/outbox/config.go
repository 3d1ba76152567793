package outbox

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// Config configures a relay. A zero value means the default that its comment names.
type Config struct {
	Topics []string // every topic that the relay publishes to
	Name   string   // of this instance, shown to people; default: host name and process id

	MetricsNamespace string // what the names of the metrics begin with, before "outbox"; empty by default

	LeaseTimeout   time.Duration // silence after which others take an instance's shards over; 6 s
	RenewEvery     time.Duration // between two renewals of the leases; 1 s
	ProduceTimeout time.Duration // of one request to Kafka; a request must end before the lease does; 2 s

	SweepMin time.Duration // between two sweeps, while they find rows; 100 ms
	SweepMax time.Duration // between two sweeps, while they find nothing; 1 s
	MarkRest time.Duration // between two marks, while there are few rows to mark; 10 ms

	ClaimRows  int // rows in one claim, over all shards; 6000
	ClaimBytes int // payload in one claim, over all shards; also bounds the memory; 16 MiB
	BatchRows  int // records in one batch; 5000
	BatchBytes int // bytes of one batch; broker.MaxBatchBytes

	// GiveUpAfter is how long Kafka has to answer another instance but not this one, before this one gives its shards up; 10 s, or more
	// if ProduceTimeout or RetryMax is long. In that time, Kafka has to answer all instances after it was away, so it has to be longer than RetryMax and ProduceTimeout.
	GiveUpAfter time.Duration

	RetryMin, RetryMax time.Duration // wait before a batch is sent again; 50 ms and 2 s
	BlockMin, BlockMax time.Duration // wait of an aggregate whose event was refused; 1 s and 5 min

	StaleAfter time.Duration // age after which a batch is not sent again: the broker may have forgotten its first try; 5 min
	// WrapRest is how long a shard waits that has used up its epochs, before it continues with a new producer id; 15 min.
	// A new producer id does not fence the old one. So every batch of a relay that was paused with the old id must be
	// older than broker.Config.MaxBatchAge by then.
	WrapRest     time.Duration
	RecheckEvery time.Duration // between two checks of a problem that an operator has to repair; 10 s
	// StopTimeout is how long a stop takes at most; 5 s. Three quarters of it are for finishing running work, the rest for leaving.
	StopTimeout time.Duration
}

// withDefaults returns the configuration with a default for each zero value.
func (c Config) withDefaults() Config {
	if c.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown"
		}
		c.Name = fmt.Sprintf("%s:%d", host, os.Getpid())
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.LeaseTimeout, 6 * time.Second}, {&c.RenewEvery, time.Second}, {&c.ProduceTimeout, 2 * time.Second},
		{&c.SweepMin, 100 * time.Millisecond}, {&c.SweepMax, time.Second}, {&c.MarkRest, 10 * time.Millisecond},
		{&c.RetryMin, 50 * time.Millisecond}, {&c.RetryMax, 2 * time.Second},
		{&c.BlockMin, time.Second}, {&c.BlockMax, 5 * time.Minute},
		{&c.StaleAfter, 5 * time.Minute}, {&c.WrapRest, 15 * time.Minute}, {&c.RecheckEvery, 10 * time.Second}, {&c.StopTimeout, 5 * time.Second},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	if c.GiveUpAfter == 0 {
		c.GiveUpAfter = max(10*time.Second, 2*(c.RetryMax+c.ProduceTimeout))
	}
	for _, n := range []struct {
		value    *int
		fallback int
	}{{&c.ClaimRows, 6000}, {&c.ClaimBytes, 16 << 20}, {&c.BatchRows, 5000}, {&c.BatchBytes, broker.MaxBatchBytes}} {
		if *n.value == 0 {
			*n.value = n.fallback
		}
	}
	return c
}

// LeaseHolds reports whether a lease leaves enough time for a request to Kafka, even when one renewal is lost.
func LeaseHolds(lease, renew, produce time.Duration) bool { return produce+2*renew < lease }

// Validate returns every fault of the configuration, after it has filled in the defaults.
func (c Config) Validate() []error {
	c = c.withDefaults()
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(len(c.Topics) == 0, "the relay has no topic")
	for name, d := range map[string]time.Duration{
		"lease time-out": c.LeaseTimeout, "renewal interval": c.RenewEvery, "produce time-out": c.ProduceTimeout,
		"shortest sweep interval": c.SweepMin, "shortest retry": c.RetryMin, "shortest block": c.BlockMin,
		"stale age": c.StaleAfter, "recheck interval": c.RecheckEvery, "stop time-out": c.StopTimeout,
	} {
		fault(d <= 0, "the %s must be above zero, not %v", name, d)
	}
	fault(!LeaseHolds(c.LeaseTimeout, c.RenewEvery, c.ProduceTimeout),
		"the lease time-out (%v) must be longer than the produce time-out (%v) and two renewals (%v each): "+
			"otherwise one lost renewal stops publishing", c.LeaseTimeout, c.ProduceTimeout, c.RenewEvery)
	fault(c.GiveUpAfter <= c.RetryMax+c.ProduceTimeout, "shards are given up after %v: that must be longer than the longest retry (%v) and the "+
		"produce time-out (%v), or else instances give shards up whenever Kafka was away", c.GiveUpAfter, c.RetryMax, c.ProduceTimeout)
	fault(c.SweepMax < c.SweepMin, "the longest sweep interval (%v) is below the shortest (%v)", c.SweepMax, c.SweepMin)
	fault(c.RetryMax < c.RetryMin, "the longest retry (%v) is below the shortest (%v)", c.RetryMax, c.RetryMin)
	fault(c.BlockMax < c.BlockMin, "the longest block (%v) is below the shortest (%v)", c.BlockMax, c.BlockMin)
	fault(c.BatchBytes > broker.MaxBatchBytes, "a batch of %d bytes is above Kafka's limit of %d", c.BatchBytes, broker.MaxBatchBytes)
	if c.ClaimRows < 1 || c.ClaimBytes < 1 || c.BatchRows < 1 || c.BatchBytes < 1 {
		faults = append(faults, errors.New("rows and bytes of claims and batches must be above zero"))
	}
	return faults
}
