package broker

import "context"

// Result is what became of one batch.
type Result struct {
	Offset int64 // of the batch's first record, also when the batch had been written by an earlier try
	Err    error // nil, or an *Error
}

// NewProducerID asks Kafka for an id that nobody else has.
func (c *Client) NewProducerID(ctx context.Context) (int64, error) { return 0, errNotImplemented }

// Produce writes batches, all led by one broker, in one request, and returns one result for each, in their order.
//
// At most one batch of a partition may be under way at a time: Kafka does not keep the order of two requests.
func (c *Client) Produce(ctx context.Context, batches []*Batch) []Result {
	results := make([]Result, len(batches))
	for i := range results {
		results[i].Err = errNotImplemented
	}
	return results
}
