package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
)

// topicCheck is whether the topics are as they have to be. It is repeated, so that an operator's repair is noticed, and
// so is a topic that somebody has given more partitions: an aggregate's events would no longer be in one of them.
type topicCheck struct {
	running bool
	again   time.Time
	passed  bool
	reason  string // why it did not pass, when that is not a passing trouble
}

func (c *coordinator) checkTopics(now time.Time) {
	if c.checks.running || c.stopping {
		return
	}
	if now.Before(c.checks.again) {
		c.at(c.checks.again)
		return
	}
	type outcome struct {
		reason string
		err    error
	}
	c.checks.running = true
	start(c, func(ctx context.Context) outcome {
		reason, err := topicsAreRight(ctx, c.broker, c.cfg.Topics)
		return outcome{reason, err}
	}, func(o outcome) {
		c.checks.running = false
		if o.err == nil {
			c.kafkaAnswered()
		} else { // nothing is known; what was known last stays
			c.report("kafka", o.err)
			c.checks.again = time.Now().Add(c.cfg.RetryMax)
			return
		}
		if o.reason != "" && o.reason != c.checks.reason {
			c.log.Error("publishing is halted", "reason", o.reason)
		}
		if o.reason == "" && c.checks.reason != "" {
			c.log.Info("publishing goes on: the topics are as they have to be")
		}
		c.checks.passed, c.checks.reason, c.checks.again = o.reason == "", o.reason, time.Now().Add(c.cfg.RecheckEvery)
		if o.reason != "" {
			c.checks.again = time.Now().Add(min(c.cfg.RetryMax, c.cfg.RecheckEvery))
		}
	})
}

// topicsAreRight returns a sentence on what is wrong, or "".
func topicsAreRight(ctx context.Context, b Broker, topics []string) (reason string, err error) {
	for _, topic := range topics {
		switch n, err := b.Partitions(ctx, topic); {
		case errors.Is(err, broker.ErrUnknownTopic):
			return fmt.Sprintf("topic %s does not exist; its owner creates it at start, with %d partitions", topic, event.Partitions), nil
		case err != nil:
			return "", err
		case n != event.Partitions:
			return fmt.Sprintf("topic %s has %d partitions instead of %d, so an aggregate's events would change their place and "+
				"lose their order; move its records to a topic with %[3]d partitions", topic, n, event.Partitions), nil
		}
	}
	return "", nil
}

// openLanes makes lanes ready that have what they need, and asks for a producer id for the others.
func (c *coordinator) openLanes(now time.Time) {
	if !c.checks.passed || c.stopping {
		return
	}
	var fresh []*lane
	for _, l := range c.lanes {
		switch {
		case l.phase != opening:
		case !l.lease().needsProducer():
			l.phase = ready
			l.readFrom(0)
			c.at(now)
		case now.Before(l.parkedUntil):
			c.at(l.parkedUntil)
		default:
			fresh = append(fresh, l)
		}
	}
	if len(fresh) > 0 && !c.checks.running {
		c.enlist(fresh)
	}
}

// enlist gets producer ids, which the keeper then stores.
func (c *coordinator) enlist(lanes []*lane) {
	type outcome struct {
		ids    []int64
		reason string
		err    error
	}
	c.checks.running = true
	start(c, func(ctx context.Context) (o outcome) {
		if o.reason, o.err = strangersRecords(ctx, c.broker, c.cfg.Topics, lanes); o.reason != "" || o.err != nil {
			return o
		}
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
		for i, l := range lanes {
			if l.phase != opening { // given up meanwhile
				continue
			}
			if o.reason != l.reason && o.reason != "" {
				c.log.Error("publishing is halted", "shard", l.shard, "reason", o.reason)
			}
			switch l.reason = o.reason; {
			case o.err != nil:
				l.parkedUntil = time.Now().Add(c.cfg.RetryMax)
			case o.reason != "":
				l.parkedUntil = time.Now().Add(c.cfg.RecheckEvery)
			default:
				l.phase = ordered
				c.orders = append(c.orders, order{kind: enlist, shard: l.shard, epoch: l.epoch, producerID: o.ids[i]})
			}
		}
	})
}

// strangersRecords returns a sentence when a shard that was never published from this database has records in Kafka: it
// would mix two histories of versions.
func strangersRecords(ctx context.Context, b Broker, topics []string, lanes []*lane) (string, error) {
	for _, l := range lanes {
		if l.session.ID >= 0 {
			continue
		}
		for _, topic := range topics {
			tp := broker.TopicPartition{Topic: topic, Partition: int(l.shard)}
			switch end, err := b.EndOffset(ctx, tp); {
			case err != nil:
				return "", fmt.Errorf("look for records in %s: %w", tp, err)
			case end > 0:
				return fmt.Sprintf("%s has %d records, but this database has never published anything there; use the database "+
					"that belongs to this Kafka, or another Kafka, or delete the topic if nobody needs its records", tp, end), nil
			}
		}
	}
	return "", nil
}
