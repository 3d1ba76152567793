package outbox

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/wakeup"

	messagingdb "github.com/monsplit/monsplit/internal/messaging/db"
)

// wakeChannel is the channel that commits notify if they append to an armed log.
const wakeChannel = "outbox"

// listen begins or ends to listen to commits of other instances. A relay that is alone has no connection for it.
func (c *coordinator) listen(shared bool) {
	c.claims.arms.shared = shared
	switch {
	case shared && c.stopListening == nil:
		c.stopListening = c.spawn(func(ctx context.Context) { c.listener(ctx).Run(ctx) })
	case !shared && c.stopListening != nil:
		c.stopListening()
		c.stopListening, c.claims.arms.listening = nil, false
	}
}

func (c *coordinator) listener(ctx context.Context) wakeup.Listener {
	tell := func(f func()) {
		unlessEnded := func() {
			if ctx.Err() == nil {
				f()
			}
		}
		select {
		case c.outcomes <- unlessEnded:
		case <-ctx.Done():
		}
	}
	return wakeup.Listener{
		Conn: newDBConn(c.pool.Config().ConnConfig).config, Channel: wakeChannel, Retry: c.cfg.RetryMax,
		Connected: func() { tell(c.claims.arms.listens) },
		Heard:     func(payload string) { tell(func() { c.heard(payload) }) },
		Lost: func(err error) {
			tell(func() {
				c.claims.arms.listening = false
				c.log.Warn("events of other instances are found later, until the database can be listened to", "error", err)
			})
		},
	}
}

// heard wakes the claims if the notification is about a log of this instance.
func (c *coordinator) heard(payload string) {
	shard, topic, _ := strings.Cut(payload, " ")
	n, err := strconv.Atoi(shard)
	if err != nil || !c.publishes(broker.TopicPartition{Topic: topic, Partition: n}) {
		return
	}
	c.claims.arms.heard(time.Now())
	c.claims.schedule.wake()
}

func (c *coordinator) publishes(tp broker.TopicPartition) bool {
	for _, l := range c.lanes {
		if l.tp == tp {
			return l.phase == phaseReady
		}
	}
	return false
}

// readUpLogs returns the logs whose pending rows are all read, as far as the relay knows.
func (c *coordinator) readUpLogs() (logs []broker.TopicPartition) {
	if c.stopping || !c.claims.arms.inUse() {
		return nil
	}
	for _, l := range c.lanes {
		if l.phase == phaseReady && !l.mayHaveMore && !c.paused.has(l.tp.Topic) && !c.full(l) {
			logs = append(logs, l.tp)
		}
	}
	return logs
}

// armLogs arms logs and returns those that are armed now.
func armLogs(ctx context.Context, q *messagingdb.Queries, logs []broker.TopicPartition) (armed []broker.TopicPartition, err error) {
	var topics []string
	var shards []int16
	for _, tp := range logs {
		topics, shards = append(topics, tp.Topic), append(shards, int16(tp.Partition))
	}
	rows, err := q.ArmLogs(ctx, topics, shards)
	if err != nil {
		return nil, fmt.Errorf("arm logs: %w", err)
	}
	for _, r := range rows {
		armed = append(armed, broker.TopicPartition{Topic: r.Topic, Partition: int(r.Shard)})
	}
	return armed, nil
}
