// Package broker alone knows Kafka's protocol and the client library: how a batch is written so that it lands once and
// in order, what each of Kafka's errors asks of the sender, and how partitions are shared out and read.
//
// It keeps no position of a consumer and no sequence of a producer: both live in the caller's database, in the
// transaction of what they describe. Kafka's group says who reads a partition, never from where.
package broker
