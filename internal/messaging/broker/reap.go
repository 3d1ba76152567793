package broker

import (
	"slices"
	"time"
)

// unusable reports whether an idle connection must not be used again: it is too old, its sign-in is about to end, or the
// broker has closed it.
func (p *connPool) unusable(c *conn) bool {
	return time.Since(c.idleSince) > p.cfg.MaxIdle || !c.signInAgain.IsZero() && time.Now().After(c.signInAgain) || closedByPeer(c.raw)
}

// reapLater makes reap run soon, unless it will run anyway. The caller holds the lock.
func (p *connPool) reapLater() {
	if p.reaper == nil && !p.closed {
		p.reaper = time.AfterFunc(p.cfg.MaxIdle/12, p.reap) // 5 s
	}
}

// reap closes idle connections that must not be used again. Nothing else would close those that no request needs any more.
func (p *connPool) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaper = nil
	for address, idle := range p.idle {
		idle = slices.DeleteFunc(idle, func(c *conn) bool {
			if !p.unusable(c) {
				return false
			}
			delete(p.open, c)
			c.Close()
			return true
		})
		if p.idle[address] = idle; len(idle) == 0 {
			delete(p.idle, address)
		}
	}
	if len(p.idle) > 0 {
		p.reapLater()
	}
}
