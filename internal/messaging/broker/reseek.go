package broker

import "slices"

// Reseek makes this member of the group ask its handler for the position of a partition again. It does nothing if the
// partition is not this member's. A running Handle is not disturbed. Otherwise a partition without new records would not
// notice that its stored position was changed.
func (c *Client) Reseek(group string, tp TopicPartition) {
	c.mu.Lock()
	status, ok := c.groups[group]
	c.mu.Unlock()
	if !ok {
		return
	}
	status.mu.Lock()
	g := status.generation
	status.mu.Unlock()
	if g == nil {
		return
	}
	i := slices.IndexFunc(g.partitions, func(p *partition) bool { return p.tp == tp })
	if i >= 0 {
		g.partitions[i].reseek()
	}
}

// reseek makes the worker ask for the position again, after it has applied the queue. If the position was changed, the handler
// refuses what is in the queue with ErrReseek. The queue must stay: the worker may be applying its first part.
func (p *partition) reseek() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seekAgain()
}
