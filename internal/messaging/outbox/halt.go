package outbox

import "fmt"

// HaltCode is the kind of a problem that only an operator can solve. docs/operations.md has a section for each code.
type HaltCode string

// The reasons to halt. Publishing continues by itself when the cause is gone. NextStep says which of them need a command.
const (
	ForeignCluster  HaltCode = "foreign_cluster"   // the Kafka cluster is not the one that this database published to
	TopicRecreated  HaltCode = "topic_recreated"   // the topic was deleted and created again
	LogTruncated    HaltCode = "log_truncated"     // the log ends before events that Kafka had acknowledged
	HistoriesParted HaltCode = "histories_parted"  // the log has an event that this database does not know
	FencedByAnother HaltCode = "fenced_by_another" // another database publishes with the producer id of the shard
	TopicsUnfit     HaltCode = "topics_unfit"      // a topic is missing, or has the wrong number of partitions
	RefusedByKafka  HaltCode = "refused_by_kafka"  // Kafka does not let this service publish, or finds its requests wrong
)

// HaltCodes returns all codes.
func HaltCodes() []HaltCode {
	return []HaltCode{ForeignCluster, TopicRecreated, LogTruncated, HistoriesParted, FencedByAnother, TopicsUnfit, RefusedByKafka}
}

// NextStep says what an operator has to do, in one sentence.
func (c HaltCode) NextStep() string {
	switch c {
	case ForeignCluster:
		return `Connect this service to the cluster that it published to, or accept this cluster with the command "adopt".`
	case TopicRecreated, LogTruncated:
		return `Accept the log as it is with the command "adopt", and then publish the lost state again with "outbox republish".`
	case HistoriesParted:
		return `If this database lost commits, run "outbox reassert". If it is a copy of another database, stop this service ` +
			"and give it another Kafka cluster or topic prefix."
	case FencedByAnother:
		return `Find and stop the service that uses a copy of this database, and then run "adopt", which takes new producer ids.`
	case TopicsUnfit:
		return "Repair the topic; publishing then continues by itself."
	default:
		return "Change the settings or the permissions in Kafka; publishing then continues by itself."
	}
}

// Halt is a problem that only an operator can solve.
type Halt struct {
	Code   HaltCode `json:"code"`
	Reason string   `json:"reason"`           // what is wrong, without a full stop
	Shards []string `json:"shards,omitempty"` // the shards of this instance that are halted, as topic-partition
}

// String returns the reason, the next step, and where to read more.
func (h Halt) String() string {
	return fmt.Sprintf("%s: %s. %s See docs/operations.md, section %[1]s.", h.Code, h.Reason, h.Code.NextStep())
}

// haltList collects halts. Shards that are halted for the same reason share one entry.
type haltList []Halt

func (list *haltList) add(h Halt, shard string) {
	for i, have := range *list {
		if have.Code == h.Code && have.Reason == h.Reason {
			(*list)[i].Shards = append(have.Shards, shard)
			return
		}
	}
	h.Shards = []string{shard}
	*list = append(*list, h)
}

// setHalt stores why a lane is halted, and logs a change.
func (c *coordinator) setHalt(l *lane, h *Halt) {
	switch {
	case h == nil && l.halt != nil:
		c.log.Info("publishing continues", "shard", l.tp.String(), "code", l.halt.Code)
	case h != nil && (l.halt == nil || l.halt.Code != h.Code || l.halt.Reason != h.Reason):
		c.log.Error("publishing is halted", "shard", l.tp.String(), "code", h.Code, "reason", h.Reason, "next", h.Code.NextStep())
	}
	l.halt = h
}
