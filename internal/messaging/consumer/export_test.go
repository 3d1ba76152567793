package consumer

// Waiting returns how many batches wait to share a transaction.
func (c *Consumer[T]) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waitingJobs)
}

// Unrecorded lets a benchmark leave out the record of what became of events.
func (c *Consumer[T]) Unrecorded(on bool) { c.unrecorded = on }
