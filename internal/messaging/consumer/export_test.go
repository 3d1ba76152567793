package consumer

// Waiting returns how many batches wait to share a transaction.
func (c *Consumer[T]) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waitingJobs)
}
