package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// topicCheck is the result of checking the topics. The check is repeated, so that the relay notices a repair. It also
// notices when a topic gets more partitions: the events of an aggregate would then no longer be in one partition.
type topicCheck struct {
	running bool
	again   time.Time
	passed  bool
	reason  string // why it did not pass; "" also while Kafka does not answer
	logs    logIdentities
}

// logIdentities says which cluster and which topics these are.
type logIdentities struct {
	clusterID string
	topicIDs  map[string]broker.TopicID
}

// changed reports whether something that both know is different.
func (i logIdentities) changed(now logIdentities) bool {
	if i.clusterID != "" && now.clusterID != "" && i.clusterID != now.clusterID {
		return true
	}
	for topic, id := range now.topicIDs {
		if before := i.topicIDs[topic]; !before.IsZero() && !id.IsZero() && before != id {
			return true
		}
	}
	return false
}

func (c *coordinator) checkTopics(now time.Time) {
	if c.checks.running || c.stopping {
		return
	}
	if now.Before(c.checks.again) {
		c.tickAt(c.checks.again)
		return
	}
	type outcome struct {
		reason string
		logs   logIdentities
		err    error
	}
	c.checks.running = true
	runInBackground(c, func(ctx context.Context) (o outcome) {
		if o.reason, o.err = checkTopicSetup(ctx, c.broker, c.cfg.Topics); o.reason == "" && o.err == nil {
			o.logs, o.err = readLogIdentities(ctx, c.broker, c.cfg.Topics)
		}
		return o
	}, func(o outcome) {
		c.checks.running = false
		if o.err == nil {
			c.kafkaAnswered()
			c.kafka.checked()
		} else { // the last result stays
			c.report("kafka", o.err)
			c.checks.again = time.Now().Add(c.cfg.RetryMax)
			return
		}
		if o.reason == "" {
			if c.checks.logs.changed(o.logs) {
				c.recheckLanes("the cluster or a topic has another id")
			}
			c.checks.logs = o.logs
		}
		if o.reason != "" && o.reason != c.checks.reason {
			c.log.Error("publishing is halted", "reason", o.reason)
		}
		if o.reason == "" && c.checks.reason != "" {
			c.log.Info("publishing continues: the topics are in order")
		}
		c.checks.passed, c.checks.reason, c.checks.again = o.reason == "", o.reason, time.Now().Add(c.cfg.RecheckEvery)
		if o.reason != "" {
			c.checks.again = time.Now().Add(min(c.cfg.RetryMax, c.cfg.RecheckEvery))
		}
	})
}

// checkTopicSetup returns a sentence that says what is wrong with the topics, or "".
func checkTopicSetup(ctx context.Context, b Broker, topics []string) (reason string, err error) {
	for _, topic := range topics {
		switch n, err := b.Partitions(ctx, topic); {
		case errors.Is(err, broker.ErrUnknownTopic):
			return fmt.Sprintf("topic %s does not exist; its owner creates it at start, with %d partitions", topic, event.Partitions), nil
		case err != nil:
			return "", err
		case n != event.Partitions:
			return fmt.Sprintf("topic %s has %d partitions instead of %d, so events of an aggregate would get into different "+
				"partitions and lose their order; move its records to a topic with %[3]d partitions", topic, n, event.Partitions), nil
		}
	}
	return "", nil
}

func readLogIdentities(ctx context.Context, b Broker, topics []string) (i logIdentities, err error) {
	if i.clusterID, err = b.ClusterID(ctx); err != nil {
		return i, err
	}
	i.topicIDs = map[string]broker.TopicID{}
	for _, topic := range topics {
		if i.topicIDs[topic], err = b.TopicID(ctx, topic); err != nil {
			return i, err
		}
	}
	return i, nil
}

// openLanes makes the verified lanes ready that have a producer id, and requests producer ids for the others.
func (c *coordinator) openLanes(now time.Time) {
	if !c.checks.passed || c.stopping {
		return
	}
	var fresh []*lane
	for _, l := range c.lanes {
		switch {
		case l.phase != phaseOpening || !l.verified:
		case !l.lease().needsProducer():
			l.phase = phaseReady
			l.readFrom(0)
			c.tickAt(now)
		case now.Before(l.parkedUntil):
			c.tickAt(l.parkedUntil)
		default:
			fresh = append(fresh, l)
		}
	}
	if len(fresh) > 0 && !c.checks.running {
		c.requestProducerIDs(fresh)
	}
}

// requestProducerIDs gets producer ids from Kafka. The lease keeper then stores them.
func (c *coordinator) requestProducerIDs(lanes []*lane) {
	type outcome struct {
		ids []int64
		err error
	}
	c.checks.running = true
	runInBackground(c, func(ctx context.Context) (o outcome) {
		for range lanes {
			id, err := c.broker.NewProducerID(ctx)
			if err != nil {
				o.err = fmt.Errorf("get a producer id: %w", err)
				return o
			}
			o.ids = append(o.ids, id)
		}
		return o
	}, func(o outcome) {
		c.checks.running = false
		if o.err != nil {
			c.report("kafka", o.err)
		}
		if len(o.ids) > 0 {
			c.kafka.answered()
		}
		for i, l := range lanes {
			if l.phase != phaseOpening { // it was ended meanwhile
				continue
			}
			if o.err != nil {
				l.parkedUntil = time.Now().Add(c.cfg.RetryMax)
				continue
			}
			l.phase = phaseOrderSent
			c.orders = append(c.orders, leaseOrder{kind: storeProducerID, shard: l.shard, epoch: l.epoch, producerID: o.ids[i]})
		}
	})
}
