package consumer

import (
	"fmt"

	"github.com/monsplit/monsplit/internal/messaging/broker"
)

// AnotherDatabase is the code of the problem that members of the consumer group run on different databases. It is no halt: the
// members on the leader's database go on. docs/operations.md has a section for it, and for each of broker's halt codes.
const AnotherDatabase = "another_database"

// HaltCodes returns the codes of all halts of a partition.
func HaltCodes() []broker.HaltCode {
	return []broker.HaltCode{broker.HaltTopicRecreated, broker.HaltLogTruncated, broker.HaltRecordsDeleted, broker.HaltLogUnreadable,
		Paused, ManyDeadLetters}
}

// NextStep says what an operator has to do about a halted partition, in one sentence.
func NextStep(code broker.HaltCode, tp broker.TopicPartition) string {
	reset := fmt.Sprintf(`"consumer reset --topic %s --partition %d --to start"`, tp.Topic, tp.Partition)
	switch code {
	case broker.HaltTopicRecreated:
		return `Connect this service to the cluster that it has read, or accept the new topic with "adopt --positions start".`
	case broker.HaltLogTruncated:
		return "When the owner has published the lost state again, read the log again with " + reset + "."
	case broker.HaltRecordsDeleted:
		return "Read what is left of the log with " + reset + "."
	case Paused:
		return fmt.Sprintf(`It continues with "consumer resume --topic %s --partition %d".`, tp.Topic, tp.Partition)
	case ManyDeadLetters:
		return fmt.Sprintf(`Read "dead-letters list", repair the cause, and then run "consumer resume --topic %s --partition %d".`,
			tp.Topic, tp.Partition)
	default:
		return fmt.Sprintf(`Repair the log, or pass over its damaged part with "consumer reset --topic %s --partition %d --to OFFSET".`,
			tp.Topic, tp.Partition)
	}
}

// haltProblem says why a partition is halted, what to do, and where to read more.
func haltProblem(p PartitionState) string {
	tp := broker.TopicPartition{Topic: p.Topic, Partition: p.Partition}
	return fmt.Sprintf("%s is halted: %s: %s. %s See docs/operations.md, section %[2]s.", tp, p.HaltCode, p.Halted, NextStep(p.HaltCode, tp))
}
