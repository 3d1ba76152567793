package broker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// askOrder is the order in which brokers are asked for what each of them can answer. It begins with the one that answered
// last. A broker whose answer turns out to be wrong goes to the end, so an isolated broker is not believed again before the
// others were asked. A broker that has just failed is asked after all others, so a broker that is gone costs time rarely.
type askOrder struct {
	configured []string

	mu        sync.Mutex
	addresses []string
	failedAt  map[string]time.Time
}

// failureMemory is how long a broker that failed is asked after all others.
const failureMemory = 5 * time.Second

func newAskOrder(configured []string) *askOrder {
	return &askOrder{configured: configured, addresses: slices.Clone(configured), failedAt: map[string]time.Time{}}
}

func (o *askOrder) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var good, failed []string
	for _, address := range o.addresses {
		if at, ok := o.failedAt[address]; ok && time.Since(at) < failureMemory {
			failed = append(failed, address)
		} else {
			good = append(good, address)
		}
	}
	return append(good, failed...)
}

func (o *askOrder) answered(address string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.failedAt, address)
}

func (o *askOrder) failed(address string) {
	o.putLast(address)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failedAt[address] = time.Now()
}

// putLast moves a broker behind all others that have not failed.
func (o *askOrder) putLast(address string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.addresses, address); i >= 0 {
		o.addresses = append(slices.Delete(o.addresses, i, i+1), address)
	}
}

// learn replaces the learned addresses. The configured ones stay: all learned brokers may be replaced at the same time.
func (o *askOrder) learn(addresses []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.addresses = slices.DeleteFunc(o.addresses, func(a string) bool {
		return !slices.Contains(o.configured, a) && !slices.Contains(addresses, a)
	})
	maps.DeleteFunc(o.failedAt, func(a string, _ time.Time) bool { return !slices.Contains(o.addresses, a) })
	for _, address := range addresses {
		if !slices.Contains(o.addresses, address) {
			o.addresses = append(o.addresses, address)
		}
	}
}

// tryBrokers calls f with the address of one broker after the other, until it returns nil. It takes at most RequestTimeout.
func (c *Client) tryBrokers(ctx context.Context, f func(ctx context.Context, address string) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	addresses := c.order.all()
	var failures []error
	for i, address := range addresses {
		err := c.tryBroker(ctx, address, i == len(addresses)-1, f)
		if err == nil {
			c.order.answered(address)
			return nil
		}
		failures = append(failures, err)
		if errors.Is(ctx.Err(), context.Canceled) {
			break // this says nothing about the broker
		}
		c.order.failed(address)
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}

// tryBroker calls f with half of the remaining time, at most with that of two dials, so that a broker that hangs leaves time
// for the others. The last broker gets all of it.
func (c *Client) tryBroker(ctx context.Context, address string, last bool, f func(ctx context.Context, address string) error) error {
	if deadline, _ := ctx.Deadline(); !last {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, min(time.Until(deadline)/2, 2*c.cfg.DialTimeout))
		defer cancel()
	}
	return f(ctx, address)
}
