package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
)

// TopicSpec is the specification of a topic. Some settings are the same for every topic, so they are not listed here: it
// has no unclean leader election, and accepts batches of MaxBatchBytes.
type TopicSpec struct {
	Name              string
	Partitions        int
	ReplicationFactor int // the lowest accepted; 0 means 1
	MinInSyncReplicas int // the lowest accepted; 0 means 1
	// Retention is 0 for a topic of events: it is compacted, never deleted by age, and keeps each record for at least seven
	// days. Otherwise the topic is a queue: it is never compacted, and keeps each record for at least this long.
	Retention time.Duration
}

// compactionLag is how long each record is kept at least, so that a consumer that was away for a week misses none.
const compactionLag = 7 * 24 * time.Hour

// TopicMismatchError reports that an existing topic differs from its specification.
type TopicMismatchError struct {
	Topic   string // its name in Kafka, with the prefix
	Setting string // "partitions", "replication factor", or the name of a topic setting of Kafka
	Want    string
	Have    string
	Advice  string // what to do, in one sentence
}

// Error implements error.
func (e *TopicMismatchError) Error() string {
	return fmt.Sprintf("topic %s: %s is %s, but must be %s. %s", e.Topic, e.Setting, e.Have, e.Want, e.Advice)
}

// EnsureTopic creates the topic if it is missing, and then checks it. It joins one *TopicMismatchError for each difference.
// Only the service that owns the topic calls it.
func (c *Client) EnsureTopic(ctx context.Context, spec TopicSpec) error {
	spec.ReplicationFactor = cmp.Or(spec.ReplicationFactor, 1)
	spec.MinInSyncReplicas = cmp.Or(spec.MinInSyncReplicas, 1)
	for attempt := 0; ; attempt++ {
		c.expireLayout(spec.Name)
		layout, err := c.topicLayout(ctx, spec.Name)
		switch {
		case err == nil:
			if attempt > 0 {
				c.awaitLeaders(ctx, spec.Name, len(layout.leaders))
			}
			return c.checkTopic(ctx, spec, layout)
		case !errors.Is(err, ErrUnknownTopic):
			return err
		}
		// The brokers learn of a new topic a little after its creation, and the controller may move in the meantime.
		if err := c.createTopic(ctx, spec); err != nil && (attempt == 50 || !isTransient(err)) {
			c.distrustLayout(spec.Name) // the controller may be another one
			return fmt.Errorf("create topic %s: %w", c.wireName(spec.Name), err)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("create topic %s: %w", c.wireName(spec.Name), err)
		}
	}
}

// CheckTopic checks a topic as EnsureTopic does, and never creates it: a topic that is gone has lost its events. The error is then
// ErrUnknownTopic.
func (c *Client) CheckTopic(ctx context.Context, spec TopicSpec) error {
	spec.ReplicationFactor = cmp.Or(spec.ReplicationFactor, 1)
	spec.MinInSyncReplicas = cmp.Or(spec.MinInSyncReplicas, 1)
	c.expireLayout(spec.Name)
	layout, err := c.topicLayout(ctx, spec.Name)
	if err != nil {
		return err
	}
	return c.checkTopic(ctx, spec, layout)
}

// awaitLeaders waits for up to 2 s until the leaders of a new topic know their role: metadata names them earlier. A
// producer that writes too early gets NotWritten, and tries again.
func (c *Client) awaitLeaders(ctx context.Context, topic string, partitions int) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for p := range partitions {
		for {
			_, err := c.requestOffset(ctx, TopicPartition{topic, p}, latestTimestamp)
			if err == nil || sleep(ctx, 10*time.Millisecond) != nil {
				break
			}
			c.distrustLayout(topic)
		}
	}
}

func isTransient(err error) bool {
	return errors.Is(err, kafka.NotController) || errors.Is(err, kafka.RequestTimedOut) ||
		errors.Is(err, kafka.BrokerNotAvailable)
}

func (c *Client) createTopic(ctx context.Context, spec TopicSpec) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	topic := createtopics.RequestTopic{Name: c.wireName(spec.Name), NumPartitions: int32(spec.Partitions),
		ReplicationFactor: int16(spec.ReplicationFactor)}
	for _, s := range spec.settings() {
		if s.create {
			topic.Configs = append(topic.Configs, createtopics.RequestConfig{Name: s.name, Value: s.value})
		}
	}
	c.mu.Lock()
	controller := c.cluster.addresses[c.cluster.controller]
	c.mu.Unlock()
	if controller == "" {
		return kafka.BrokerNotAvailable
	}
	answer, err := c.conns.roundTripTwice(ctx, controller, &createtopics.Request{Topics: []createtopics.RequestTopic{topic},
		TimeoutMs: int32(c.cfg.RequestTimeout.Milliseconds() * 3 / 4)})
	if err != nil {
		return err
	}
	for _, t := range answer.(*createtopics.Response).Topics {
		switch code := kafka.Error(t.ErrorCode); code {
		case 0, kafka.TopicAlreadyExists: // another instance has created it
		case kafka.InvalidReplicationFactor:
			return fmt.Errorf("%w: the cluster has fewer brokers than the wanted %d replicas: add brokers or lower the setting",
				code, spec.ReplicationFactor)
		default:
			return fmt.Errorf("%w %s", code, t.ErrorMessage)
		}
	}
	return nil
}

// setting is a topic setting of Kafka: its value for a new topic, and the rule for an existing one.
type setting struct {
	name, value string
	create      bool // set it on creation; if false, a new topic gets the broker's default, which is then checked
	atLeast     bool // a higher number is accepted too
	unlimited   bool // -1 is accepted too: it means that there is no limit
	advice      string
}

func (s TopicSpec) settings() []setting {
	return append(s.cleanup(),
		setting{name: "unclean.leader.election.enable", value: "false", create: true,
			advice: "An unclean leader loses acknowledged events. " + alter},
		setting{name: "min.insync.replicas", value: strconv.Itoa(s.MinInSyncReplicas), create: true, atLeast: true, advice: alter},
		setting{name: "max.message.bytes", value: strconv.Itoa(MaxBatchBytes + headerBytes), atLeast: true, advice: alter},
	)
}

// cleanup returns the settings that decide which records Kafka removes, and when.
func (s TopicSpec) cleanup() []setting {
	if s.Retention == 0 {
		return []setting{
			{name: "cleanup.policy", value: "compact", create: true,
				advice: "Deleting by age would delete the only record of an aggregate. " + alter},
			{name: "min.compaction.lag.ms", value: milliseconds(compactionLag), create: true, atLeast: true, advice: alter},
		}
	}
	return []setting{
		{name: "cleanup.policy", value: "delete", create: true,
			advice: "Compaction would remove all messages of a key except for the last one. " + alter},
		{name: "retention.ms", value: milliseconds(s.Retention), create: true, atLeast: true, unlimited: true,
			advice: "Kafka could remove messages that are still needed. " + alter + " Or lower the setting of this service."},
		{name: "retention.bytes", value: "-1", create: true,
			advice: "A limit in bytes could remove messages before their time. " + alter},
	}
}

const alter = "Change it with kafka-configs.sh --alter --entity-type topics."

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Settings returns the required Kafka settings of the topic by name: the value, or the lowest accepted value.
func (s TopicSpec) Settings() map[string]string {
	settings := map[string]string{}
	for _, one := range s.settings() {
		settings[one.name] = one.value
	}
	return settings
}

func (c *Client) checkTopic(ctx context.Context, spec TopicSpec, layout topicLayout) error {
	var faults []error
	if actual := len(layout.leaders); actual != spec.Partitions {
		faults = append(faults, &TopicMismatchError{c.wireName(spec.Name), "partitions", strconv.Itoa(spec.Partitions), strconv.Itoa(actual),
			"The order of a key's events depends on it, so it cannot be changed: move the events to a new topic, or, " +
				"if nothing needs them, stop all services and delete the topic."})
	}
	for _, actual := range layout.replicas {
		if actual < spec.ReplicationFactor {
			faults = append(faults, &TopicMismatchError{c.wireName(spec.Name), "replication factor",
				"at least " + strconv.Itoa(spec.ReplicationFactor), strconv.Itoa(actual),
				"Add replicas with kafka-reassign-partitions.sh, or lower the setting of this service."})
			break
		}
	}
	actual, err := c.topicSettings(ctx, spec)
	if err != nil {
		return errors.Join(append(faults, err)...)
	}
	for _, s := range spec.settings() {
		value, ok := actual[s.name]
		if !ok || s.accepts(value) {
			continue
		}
		required := s.value
		if s.atLeast {
			required = "at least " + required
		}
		faults = append(faults, &TopicMismatchError{c.wireName(spec.Name), s.name, required, value, s.advice})
	}
	return errors.Join(faults...)
}

func (s setting) accepts(value string) bool {
	if !s.atLeast {
		return value == s.value
	}
	if s.unlimited && value == "-1" {
		return true
	}
	least, err1 := strconv.ParseInt(s.value, 10, 64)
	number, err2 := strconv.ParseInt(value, 10, 64)
	return err1 == nil && err2 == nil && number >= least
}

// topicSettings returns the current values of the settings that the specification has.
func (c *Client) topicSettings(ctx context.Context, spec TopicSpec) (map[string]string, error) {
	const topicResource = 2
	request := describeconfigs.RequestResource{ResourceType: topicResource, ResourceName: c.wireName(spec.Name)}
	for _, s := range spec.settings() {
		request.ConfigNames = append(request.ConfigNames, s.name)
	}
	answer, _, err := c.askAnyBroker(ctx, &describeconfigs.Request{Resources: []describeconfigs.RequestResource{request}})
	if err != nil {
		return nil, fmt.Errorf("ask for the settings of topic %s: %w", c.wireName(spec.Name), err)
	}
	settings := map[string]string{}
	for _, r := range answer.(*describeconfigs.Response).Resources {
		if r.ErrorCode != 0 {
			return nil, fmt.Errorf("ask for the settings of topic %s: %w %s", c.wireName(spec.Name), kafka.Error(r.ErrorCode), r.ErrorMessage)
		}
		for _, e := range r.ConfigEntries {
			settings[e.ConfigName] = e.ConfigValue
		}
	}
	return settings, nil
}
