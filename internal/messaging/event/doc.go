// Package event alone knows what an event looks like on its way from one service to another: a CloudEvents 1.0 message
// in the structured JSON format, with a Kafka key, in one partition. It knows no model, no database and no broker.
//
// # The message
//
// The publisher gives the outbox a Message. A consumer gets an Event, by Decode.
//
//	Message                              Kafka record                               Event
//	  Topic                ------------>   topic
//	  Key                  ------------>   key (the aggregate's id)  -- compared -->  Subject
//	  Shard(): murmur2 of  ------------>   partition
//	    Key mod Partitions
//	  Payload              ------------>   value: JSON              -- Decode ---->  ID, Source, Type, Subject, Time,
//	                                                                                 Version, DataSchema, CausationID,
//	                                                                                 Data
//	  ID, Version, Type                    as in the payload; the outbox uses them for its log and for the order
//
// The record also has the header "content-type" and, if the change was made in a trace, "traceparent". The header "ce_id"
// repeats the id, for consumers that cannot decode the value. The Kafka binding of CloudEvents allows that.
//
// # Rules
//
//   - The key is the id of the aggregate, so that all its events are in one partition, in order.
//   - aggregateversion is the version of the aggregate, from 1 without gaps. It is an extension of CloudEvents, and required.
//     The highest is MaxVersion, because integers of CloudEvents have 32 bits.
//   - A message that does not describe an aggregate, such as a request, has a number instead of the version. It counts the
//     messages of its key.
//   - causationid is an optional extension: the id of the message that caused the change. It is for tracing only.
//   - A topic has Partitions partitions. The number never changes for an existing topic.
//   - Partition agrees with Java's default partitioner, so other programs can find a key's partition.
//
// # What Decode refuses
//
// Decode refuses everything that two JSON libraries could read differently (repeated members, invalid UTF-8, unpaired
// surrogates, trailing data) and everything that PostgreSQL cannot store (NUL; H15 NUL in a text). It refuses missing
// or malformed attributes that CloudEvents or this package requires. It ignores attributes that it does not know, so a
// publisher may add some. It does not look into the data: its schema is the business of the consumer.
package event
