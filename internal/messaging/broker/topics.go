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

// TopicSpec is what a topic of ours has to be. The settings that are the same for all are not listed: compacted and
// nothing else, no unclean leader election, seven days before a record may be compacted away, room for MaxBatchBytes.
type TopicSpec struct {
	Name              string
	Partitions        int
	ReplicationFactor int // at least; 1 where it is 0
	MinInSyncReplicas int // at least; 1 where it is 0
}

// compactionLag is how long every record stays, so that a consumer that was away for a week still sees each of them.
const compactionLag = 7 * 24 * time.Hour

// TopicMismatchError says that an existing topic is not as it has to be.
type TopicMismatchError struct {
	Topic   string
	Setting string // "partitions", "replication factor", or the name of a topic setting of Kafka
	Want    string
	Have    string
	Advice  string // a sentence on what to do
}

// Error implements error.
func (e *TopicMismatchError) Error() string {
	return fmt.Sprintf("topic %s: %s is %s, it has to be %s. %s", e.Topic, e.Setting, e.Have, e.Want, e.Advice)
}

// EnsureTopic creates the topic if it is missing, and then checks that it is as specified. What differs is joined into
// one error of *TopicMismatchError. Only the owner of what a topic carries calls it.
func (c *Client) EnsureTopic(ctx context.Context, spec TopicSpec) error {
	spec.ReplicationFactor = cmp.Or(spec.ReplicationFactor, 1)
	spec.MinInSyncReplicas = cmp.Or(spec.MinInSyncReplicas, 1)
	for attempt := 0; ; attempt++ {
		c.forget(spec.Name)
		layout, err := c.layout(ctx, spec.Name)
		switch {
		case err == nil:
			if attempt > 0 {
				c.awaitLeaders(ctx, spec.Name, len(layout.leaders))
			}
			return c.checkTopic(ctx, spec, layout)
		case !errors.Is(err, ErrUnknownTopic):
			return err
		}
		// The cluster hears of a new topic a little after it was made, and the controller may move meanwhile.
		if err := c.createTopic(ctx, spec); err != nil && (attempt == 50 || !passing(err)) {
			return fmt.Errorf("create topic %s: %w", spec.Name, err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("create topic %s: %w", spec.Name, err)
		}
	}
}

// awaitLeaders waits a little for the leaders of a new topic to know that they are: the cluster tells clients first.
// Who writes too early is told NotWritten, and tries again.
func (c *Client) awaitLeaders(ctx context.Context, topic string, partitions int) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for p := range partitions {
		for {
			_, err := c.tryOffset(ctx, TopicPartition{topic, p}, atEnd)
			if err == nil || pause(ctx, 10*time.Millisecond) != nil {
				break
			}
			c.forget(topic)
		}
	}
}

func passing(err error) bool {
	return errors.Is(err, kafka.NotController) || errors.Is(err, kafka.RequestTimedOut) ||
		errors.Is(err, kafka.BrokerNotAvailable)
}

func (c *Client) createTopic(ctx context.Context, spec TopicSpec) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	topic := createtopics.RequestTopic{Name: spec.Name, NumPartitions: int32(spec.Partitions),
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
	answer, err := c.conns.retry(ctx, controller, &createtopics.Request{Topics: []createtopics.RequestTopic{topic},
		TimeoutMs: int32(c.cfg.RequestTimeout.Milliseconds() * 3 / 4)})
	if err != nil {
		return err
	}
	for _, t := range answer.(*createtopics.Response).Topics {
		switch code := kafka.Error(t.ErrorCode); code {
		case 0, kafka.TopicAlreadyExists: // another instance was faster
		case kafka.InvalidReplicationFactor:
			return fmt.Errorf("%w: the cluster has fewer brokers than the wanted %d replicas: add brokers or lower the setting",
				code, spec.ReplicationFactor)
		default:
			return fmt.Errorf("%w %s", code, t.ErrorMessage)
		}
	}
	return nil
}

// setting is a topic setting of Kafka, how it is created and when an existing one will do.
type setting struct {
	name, value string
	create      bool // or else left at the broker's default, and only checked
	atLeast     bool // a larger number will do
	advice      string
}

func (s TopicSpec) settings() []setting {
	alter := "Change it with kafka-configs.sh --alter --entity-type topics."
	return []setting{
		{name: "cleanup.policy", value: "compact", create: true,
			advice: "Deleting by age would take the only record of an aggregate. " + alter},
		{name: "unclean.leader.election.enable", value: "false", create: true,
			advice: "An unclean leader loses acknowledged events. " + alter},
		{name: "min.insync.replicas", value: strconv.Itoa(s.MinInSyncReplicas), create: true, atLeast: true, advice: alter},
		{name: "min.compaction.lag.ms", value: strconv.FormatInt(compactionLag.Milliseconds(), 10), create: true,
			atLeast: true, advice: alter},
		{name: "max.message.bytes", value: strconv.Itoa(MaxBatchBytes + headerBytes), atLeast: true, advice: alter},
	}
}

// Settings are the topic's settings of Kafka, by name: as it is created with, or as it has to have at least.
func (s TopicSpec) Settings() map[string]string {
	settings := map[string]string{}
	for _, one := range s.settings() {
		settings[one.name] = one.value
	}
	return settings
}

func (c *Client) checkTopic(ctx context.Context, spec TopicSpec, layout topicLayout) error {
	var faults []error
	if have := len(layout.leaders); have != spec.Partitions {
		faults = append(faults, &TopicMismatchError{spec.Name, "partitions", strconv.Itoa(spec.Partitions), strconv.Itoa(have),
			"The order of a key's events depends on it, so it cannot be changed: move the events to a new topic, or, " +
				"if nothing needs them, stop all services and delete the topic."})
	}
	for _, have := range layout.replicas {
		if have < spec.ReplicationFactor {
			faults = append(faults, &TopicMismatchError{spec.Name, "replication factor",
				"at least " + strconv.Itoa(spec.ReplicationFactor), strconv.Itoa(have),
				"Add replicas with kafka-reassign-partitions.sh, or lower the setting of this service."})
			break
		}
	}
	have, err := c.topicSettings(ctx, spec.Name)
	if err != nil {
		return errors.Join(append(faults, err)...)
	}
	for _, want := range spec.settings() {
		value, ok := have[want.name]
		if !ok || want.fits(value) {
			continue
		}
		sought := want.value
		if want.atLeast {
			sought = "at least " + sought
		}
		faults = append(faults, &TopicMismatchError{spec.Name, want.name, sought, value, want.advice})
	}
	return errors.Join(faults...)
}

func (s setting) fits(have string) bool {
	if !s.atLeast {
		return have == s.value
	}
	want, err1 := strconv.ParseInt(s.value, 10, 64)
	got, err2 := strconv.ParseInt(have, 10, 64)
	return err1 == nil && err2 == nil && got >= want
}

func (c *Client) topicSettings(ctx context.Context, topic string) (map[string]string, error) {
	const topicResource = 2
	request := describeconfigs.RequestResource{ResourceType: topicResource, ResourceName: topic}
	for _, s := range (TopicSpec{}).settings() {
		request.ConfigNames = append(request.ConfigNames, s.name)
	}
	answer, err := c.any(ctx, &describeconfigs.Request{Resources: []describeconfigs.RequestResource{request}})
	if err != nil {
		return nil, fmt.Errorf("ask for the settings of topic %s: %w", topic, err)
	}
	settings := map[string]string{}
	for _, r := range answer.(*describeconfigs.Response).Resources {
		if r.ErrorCode != 0 {
			return nil, fmt.Errorf("ask for the settings of topic %s: %w %s", topic, kafka.Error(r.ErrorCode), r.ErrorMessage)
		}
		for _, e := range r.ConfigEntries {
			settings[e.ConfigName] = e.ConfigValue
		}
	}
	return settings, nil
}
