package outbox

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// renew runs the keeper when it is time, or when there are orders for it.
func (c *coordinator) renew(now time.Time) {
	if c.leasing || c.stopping && len(c.orders) == 0 && len(c.lanes) == 0 {
		return
	}
	if now.Before(c.renewAt) && len(c.orders) == 0 {
		c.at(c.renewAt)
		return
	}
	type outcome struct {
		view view
		err  error
	}
	orders, leaving := c.orders, c.stopping
	c.orders, c.leasing, c.renewAt = nil, true, now.Add(c.cfg.RenewEvery)
	start(c, func(ctx context.Context) outcome {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.LeaseTimeout/2)
		defer cancel()
		v, err := c.keeper.pass(ctx, orders, leaving)
		return outcome{v, err}
	}, func(o outcome) {
		c.leasing = false
		c.metrics.stage.WithLabelValues("lease").Observe(time.Since(now).Seconds())
		c.report("leases", o.err)
		if o.err != nil {
			// The orders are for a lease's state, so an order that was carried out after all does nothing a second time.
			c.orders, c.renewAt = append(orders, c.orders...), time.Now().Add(c.cfg.RetryMin)
			return
		}
		c.follow(o.view)
	})
}

// follow makes the lanes those of the view. Views come in order and show every change of a lease, so a lane is only ever
// made for an epoch that is new.
func (c *coordinator) follow(v view) {
	c.deadline = v.deadline
	held := map[int16]lease{}
	for _, l := range v.leases {
		held[l.shard] = l
	}
	c.lanes = slices.DeleteFunc(c.lanes, func(l *lane) bool {
		now, ours := held[l.shard]
		if ours && now == l.lease() {
			delete(held, l.shard)
			return false
		}
		if !ours && l.phase != ordered {
			c.log.Warn("a shard was taken over by another instance", "shard", l.shard, "epoch", l.epoch)
		}
		l.lose()
		return true
	})
	for _, l := range held {
		n := newLane(l, c.cfg.Topics)
		if l.wrapped() {
			c.log.Warn("a shard's epochs are used up: it rests before it takes a new producer id",
				"shard", l.shard, "rest", c.cfg.WrapRest)
			n.parkedUntil = time.Now().Add(c.cfg.WrapRest)
		}
		c.lanes = append(c.lanes, n)
	}
	slices.SortFunc(c.lanes, func(a, b *lane) int { return cmp.Compare(a.shard, b.shard) })
	for _, l := range c.lanes {
		if c.stopping || slices.Contains(v.giveUp, l.shard) {
			c.giveBack(l)
		}
	}
	c.metrics.shards.Set(float64(len(c.lanes)))
}

// end lets a lane finish what is under way, waits until then, and gives the keeper its last order. On a stop every lane
// just hands its lease back: others wait for it.
func (c *coordinator) end(l *lane, kind orderKind, then time.Time) {
	if c.stopping {
		kind, then = release, time.Time{}
	}
	l.parkedUntil = then
	l.drain(order{kind: kind, shard: l.shard, epoch: l.epoch})
}

// giveBack hands a lane's lease back as soon as nothing of it is under way.
func (c *coordinator) giveBack(l *lane) { c.end(l, release, time.Time{}) }

// finishLanes gives the keeper the last orders of lanes that have nothing under way any more.
func (c *coordinator) finishLanes(now time.Time) {
	for _, l := range c.lanes {
		if l.phase == draining && l.idle() {
			l.phase = parked
		}
		if l.phase != parked {
			continue
		}
		if now.Before(l.parkedUntil) {
			c.at(l.parkedUntil)
			continue
		}
		l.phase = ordered
		c.orders = append(c.orders, l.last)
	}
}
