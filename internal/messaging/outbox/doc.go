// Package outbox alone knows how an event gets from the transaction of its change to Kafka: how it is appended, who may
// publish it, in which order, and when it counts as sent.
//
// The relay has one goroutine that owns all state, the coordinator. Everything that waits (reading, producing, marking,
// renewing leases) runs beside it and posts its outcome back, so the three stages of publishing overlap, and nothing
// needs a lock. The state of a shard is a lane; of one topic in it, a stream.
package outbox
