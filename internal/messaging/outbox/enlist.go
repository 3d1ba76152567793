package outbox

import (
	"context"
	"fmt"
	"time"
)

// openLanes makes the verified lanes ready that have a producer id, and requests producer ids for the others.
func (c *coordinator) openLanes(now time.Time) {
	if c.stopping {
		return
	}
	var fresh []*lane
	for _, l := range c.lanes {
		switch {
		case l.phase != phaseOpening || !l.verified || !c.topics.passed(l.tp.Topic):
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
	if len(fresh) > 0 && !c.idRequestRunning {
		c.requestProducerIDs(fresh)
	}
}

// requestProducerIDs gets producer ids from Kafka. The lease keeper then stores them.
func (c *coordinator) requestProducerIDs(lanes []*lane) {
	type outcome struct {
		ids []int64
		err error
	}
	c.idRequestRunning = true
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
		c.idRequestRunning = false
		if len(o.ids) > 0 {
			c.kafka.answered()
		}
		if o.err != nil {
			c.report("kafka", o.err)
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
			c.orders = append(c.orders, leaseOrder{kind: storeProducerID, tp: l.tp, epoch: l.epoch, producerID: o.ids[i]})
		}
	})
}
