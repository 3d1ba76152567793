package outbox

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// renewLeases runs a pass of the lease keeper when it is due, or when there are orders for it.
func (c *coordinator) renewLeases(now time.Time) {
	if c.leasePassRunning || c.stopping && len(c.orders) == 0 && len(c.lanes) == 0 {
		return
	}
	if now.Before(c.renewAt) && len(c.orders) == 0 {
		c.tickAt(c.renewAt)
		return
	}
	type outcome struct {
		view leaseView
		err  error
	}
	order := passOrder{orders: c.orders, leaving: c.stopping, kafka: c.kafka, standstills: c.State().Standstills}
	c.orders, c.leasePassRunning, c.renewAt = nil, true, now.Add(c.cfg.RenewEvery)
	runInBackground(c, func(ctx context.Context) outcome {
		ctx, cancel := context.WithTimeout(ctx, c.cfg.LeaseTimeout/2)
		defer cancel()
		v, err := c.keeper.pass(ctx, order)
		return outcome{v, err}
	}, func(o outcome) {
		c.leasePassRunning, c.misfit = false, c.keeper.misfit
		if c.keeper.db.takeReconnected() {
			c.recheckLanes("a connection to the database was opened again", c.cfg.Topics...)
		}
		c.metrics.stage.WithLabelValues("lease").Observe(time.Since(now).Seconds())
		c.report("leases", o.err)
		if o.err != nil {
			// An order names the epoch that it applies to. If it was executed although the pass failed, it does nothing the
			// second time.
			c.orders, c.renewAt = append(order.orders, c.orders...), time.Now().Add(c.cfg.RetryMin)
			return
		}
		c.applyLeaseView(o.view, now)
	})
}

// applyLeaseView removes the lanes whose lease is no longer in the view, and makes a lane for each new lease. Views
// arrive in order and show every change of a lease, so a lane is only made for an epoch that had none before. began is when
// the pass began.
func (c *coordinator) applyLeaseView(v leaseView, began time.Time) {
	c.deadline = v.deadline
	c.listen(v.shared && !c.stopping)
	c.setCutOff(v.cutOff)
	c.paused = v.paused
	held := map[broker.TopicPartition]lease{}
	for _, l := range v.leases {
		held[l.tp] = l
	}
	c.lanes = slices.DeleteFunc(c.lanes, func(l *lane) bool {
		now, ours := held[l.tp]
		if ours && now == l.lease() {
			delete(held, l.tp)
			c.confirmFence(l, began)
			return false
		}
		if !ours && l.phase != phaseOrderSent {
			c.log.Warn("a shard was taken over by another instance", "shard", l.tp.String(), "epoch", l.epoch)
		}
		l.lose()
		return true
	})
	for _, l := range held {
		n := newLane(l)
		if l.wrapped() {
			n.restsUntil = v.rests[l.tp]
			n.parkedUntil = n.restsUntil
			c.log.Warn("a shard has used up its epochs: it waits before it takes a new producer id",
				"shard", l.tp.String(), "wait", time.Until(n.restsUntil).Round(time.Second))
		}
		c.lanes = append(c.lanes, n)
	}
	slices.SortFunc(c.lanes, func(a, b *lane) int {
		return cmp.Or(cmp.Compare(a.tp.Topic, b.tp.Topic), cmp.Compare(a.tp.Partition, b.tp.Partition))
	})
	for _, l := range c.lanes {
		if c.stopping || slices.Contains(v.giveUp, l.tp) {
			c.giveBack(l)
		}
	}
	c.metrics.shards.Set(float64(len(c.lanes)))
}

// endLane lets a lane finish its running work, waits until the time then, and sends its final order to the lease
// keeper. While the relay stops, every lane only releases its lease, at once: other instances wait for it.
func (c *coordinator) endLane(l *lane, kind leaseOrderKind, then time.Time) {
	if c.stopping {
		kind, then = releaseLease, time.Time{}
	}
	l.parkedUntil = then
	l.drain(leaseOrder{kind: kind, tp: l.tp, epoch: l.epoch})
}

// giveBack releases a lane's lease as soon as its running work has ended.
func (c *coordinator) giveBack(l *lane) { c.endLane(l, releaseLease, time.Time{}) }

// finishLanes sends the final orders of drained lanes to the lease keeper.
func (c *coordinator) finishLanes(now time.Time) {
	for _, l := range c.lanes {
		if l.phase == phaseDraining && l.idle() {
			l.phase = phaseParked
		}
		if l.phase != phaseParked {
			continue
		}
		if now.Before(l.parkedUntil) {
			c.tickAt(l.parkedUntil)
			continue
		}
		l.phase = phaseOrderSent
		c.orders = append(c.orders, l.finalOrder)
	}
}
