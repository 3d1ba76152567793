// Package topics alone knows when a service may begin to use Kafka: when all topics that it owns exist and have the
// right settings. Until then, a Gate keeps the relay and the consumer waiting, while the service already answers
// requests.
//
//	closed -- EnsureTopic succeeds for every topic --> open, for as long as the process runs:
//	 |  ^                                               CheckTopic every minute; Problem tells what was changed
//	 +--+-- Kafka does not answer:          tried again after 1 s
//	    +-- a topic has another setting:    tried again after 10 s; an operator has to repair it
//
// EnsureTopic creates a missing topic. It never changes an existing one: with another number of partitions, for
// example, the events of a key would lose their order.
//
// # How to use it
//
// Run the gate beside the relay and the consumer, and wrap their Run functions with Behind. Problem returns the reason
// why the gate is closed or what was changed later, for a readiness check. After the gate has opened, the relay checks the number
// of partitions itself, again and again.
package topics
