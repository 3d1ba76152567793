// Package broker alone knows Kafka's protocol and the client library: how a batch is written so that it lands once and
// in order, what each of Kafka's errors asks of the sender, and how partitions are shared out and read.
//
// It keeps no position of a consumer and no sequence of a producer: both live in the caller's database, in the
// transaction of what they describe. Kafka's group says who reads a partition, never from where.
//
// Of kafka-go it uses the protocol package, on connections and group memberships of its own. Its Writer goes on past a
// failed batch, so that a key's order inverts, and has no producer id; its Reader commits stale offsets after a
// rebalance; its ConsumerGroup lets metadata requests create topics, and forgets its member id on an error; its
// Transport cannot be told to refresh what it knows of the leaders, and goes on reading a request's buffer after the
// context has ended.
package broker
