package broker

import "context"

// TopicSpec is what a topic of ours has to be. The settings that are the same for all are not listed: compacted, no
// unclean leader election, seven days before a record may be compacted away.
type TopicSpec struct {
	Name              string
	Partitions        int
	ReplicationFactor int
	MinInSyncReplicas int
}

// TopicMismatchError says that an existing topic is not as it has to be.
type TopicMismatchError struct {
	Topic   string
	Setting string // "partitions", or the name of a topic setting of Kafka
	Want    string
	Have    string
	Advice  string // a sentence on what to do
}

// Error implements error.
func (e *TopicMismatchError) Error() string { return "" }

// EnsureTopic creates the topic if it is missing, and otherwise checks that it is as specified.
func (c *Client) EnsureTopic(ctx context.Context, spec TopicSpec) error { return errNotImplemented }
