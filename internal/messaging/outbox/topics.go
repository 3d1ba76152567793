package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// topicChecks are the results of checking the topics. The checks are repeated, so that the relay notices a repair. It also
// notices when a topic gets more partitions: the events of an aggregate would then no longer be in one partition.
type topicChecks struct {
	running   bool
	again     time.Time
	clusterID string
	of        map[string]topicCheck // by topic
}

// topicCheck is the last result of checking a topic. It stays while Kafka does not answer.
type topicCheck struct {
	passed bool
	reason string // why it did not pass
	id     broker.TopicID
}

// passed reports whether the relay may publish to the topic.
func (c *topicChecks) passed(topic string) bool { return c.of[topic].passed }

// changed reports whether the topic has another id than at its last check.
func (c topicCheck) changed(now topicCheck) bool {
	return !c.id.IsZero() && !now.id.IsZero() && c.id != now.id
}

// checkedTopics is what one round of checks has found.
type checkedTopics struct {
	clusterID string
	of        map[string]topicCheck // without the topics of which Kafka has not told enough
	err       error
}

// checkTopics checks all topics when it is time.
func (c *coordinator) checkTopics(now time.Time) {
	if c.topics.running || c.stopping {
		return
	}
	if now.Before(c.topics.again) {
		c.tickAt(c.topics.again)
		return
	}
	c.topics.running = true
	runInBackground(c, func(ctx context.Context) checkedTopics { return checkTopics(ctx, c.broker, c.cfg.Topics) }, c.finishTopicCheck)
}

// checkTopics asks Kafka for the topics. It does not stop at a topic of which Kafka cannot tell anything.
func checkTopics(ctx context.Context, b Broker, topics []string) checkedTopics {
	found := checkedTopics{of: map[string]topicCheck{}}
	found.clusterID, found.err = b.ClusterID(ctx)
	for _, topic := range topics {
		check, err := checkTopic(ctx, b, topic)
		if err != nil {
			found.err = errors.Join(found.err, err)
			continue
		}
		found.of[topic] = check
	}
	return found
}

func checkTopic(ctx context.Context, b Broker, topic string) (check topicCheck, err error) {
	switch n, err := b.Partitions(ctx, topic); {
	case errors.Is(err, broker.ErrUnknownTopic):
		check.reason = fmt.Sprintf("topic %s does not exist; its owner creates it at start, with %d partitions", topic, event.Partitions)
		return check, nil
	case err != nil:
		return check, err
	case n != event.Partitions:
		check.reason = fmt.Sprintf("topic %s has %d partitions instead of %d, so events of an aggregate would get into different "+
			"partitions and lose their order; move its records to a topic with %[3]d partitions", topic, n, event.Partitions)
		return check, nil
	}
	check.passed = true
	check.id, err = b.TopicID(ctx, topic)
	return check, err
}

// finishTopicCheck stores the results of a round of checks.
func (c *coordinator) finishTopicCheck(found checkedTopics) {
	t := &c.topics
	t.running, t.again = false, time.Now().Add(c.cfg.RecheckEvery)
	if found.err == nil {
		c.kafkaAnswered()
		c.kafka.checked()
	} else {
		c.report("kafka", found.err)
		t.again = time.Now().Add(c.cfg.RetryMax)
	}
	if t.clusterID != "" && found.clusterID != "" && t.clusterID != found.clusterID {
		c.recheckLanes("the cluster has another id", c.cfg.Topics...)
	}
	if found.clusterID != "" {
		t.clusterID = found.clusterID
	}
	for topic, now := range found.of {
		before := t.of[topic]
		if before.changed(now) {
			c.recheckLanes("a topic has another id", topic)
		}
		switch {
		case now.reason != "" && now.reason != before.reason:
			c.log.Error("publishing to a topic is halted", "topic", topic, "reason", now.reason)
		case now.reason == "" && before.reason != "":
			c.log.Info("publishing to a topic continues: it is in order", "topic", topic)
		}
		if now.id.IsZero() {
			now.id = before.id // of a topic that does not exist at the moment
		}
		if t.of[topic] = now; !now.passed {
			t.again = time.Now().Add(min(c.cfg.RetryMax, c.cfg.RecheckEvery))
		}
	}
}
