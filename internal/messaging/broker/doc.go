// Package broker speaks to Kafka. It alone knows Kafka's protocol and the client library: how to write a batch so that it
// lands once and in order, what the sender must do after each of Kafka's errors, and how the members of a group share and
// read partitions.
//
// It stores no consumer position and no producer sequence. The caller keeps both in its database, in the transaction of the
// work that they describe. The consumer group decides who reads a partition, never from which offset.
//
// # Producing
//
// A caller encodes a batch with EncodeBatch, for a producer id and an epoch that it chooses, and sends it with Produce. Each
// partition has at most one batch in flight. The batch is frozen: a retry sends the same bytes, and the leader recognizes
// them by producer id, epoch and sequence. The phases of one partition:
//
//	        EncodeBatch              no error
//	idle ────────────────► in flight ───────────► acknowledged, so idle again
//	                        ▲     │ error
//	      the same bytes    │     ▼
//	      again             ├── ambiguous: it may be written .......................... Resend
//	                        └── not written: another broker leads ..................... NotWritten
//	                            out of sequence: take a higher epoch, start at 0, and
//	                              encode all unacknowledged records again ............. NextEpoch
//	                            fenced: a higher epoch has written here, so stop ...... Fenced
//	                            refused: send once more, then bisect the records ...... Refused
//	                            misconfigured, or a bug: stop and alert ............... Configuration, Bug
//
// H1 zombie relay: a relay is paused, its successor writes newer versions, and the first one then writes its old version.
// The relay uses the epoch of its database lease as the producer epoch, so the leader refuses the old version. Fencing needs
// no transaction and no coordinator, but it works only where the higher epoch has already written.
//
// # Consuming
//
// Consume joins the group and works in generations. A generation ends with a rebalance, with a change of the topics, after
// a session without heartbeats, or with Consume:
//
//	join ─► sync ─► generation: one worker a partition, one fetch loop a broker, heartbeats, commits
//	 ▲                  │ its end: no new batches, running Handle calls finish (at most HandleGrace)
//	 └──────────────────┴─ the context is done ─► last commit ─► leave
//
//	fetch loop of a broker:  find leaders ─► request every partition that has room ─► fill the queues ─► again
//	worker of a partition:   Position ─► compare ─► take a batch from the queue ─► Handle ─► next batch; after ErrReseek: Position
//
// A partition whose queue is full cannot join a request that is waiting for records. So a request is short while a worker is
// about to make room. A worker that is held, or that has not made room within MaxWait, shortens no request.
//
// Before a partition is read, and whenever its topic's id or its leader epoch changes, the worker compares the stored position
// with the log (logCheck):
//
//	the topic has another id than the position ................................. HaltTopicRecreated
//	the leader epoch of the last batch ends before the position (KIP-320) ...... HaltLogTruncated
//	the position is beyond the log's end ....................................... HaltLogTruncated
//	the position is before the log's start ..................................... HaltRecordsDeleted
//
// A fetch names its topic by the id, and tells the leader epoch. So Kafka 3.1 or newer refuses to read from another log than
// the one that was compared. (An older one may be noticed only after MetadataTTL. Before 2.8 topics have no ids at all, and
// nothing is compared with them.)
//
// A halt is an alarm and never an automatic reset, which would skip or repeat records silently. It ends when a command changes
// the position, or when ids and epochs prove that the log is the right one. It does not end because the log has grown past
// the position. Committed offsets only serve lag tools.
//
// H32 cloned database: a copy of a service's database is started against the same Kafka, and joins the same group. Each member
// tells the id under which it is registered. The group's leader gives no partition to a member that its database does not
// know, and both show that (stranger.go). Environments that share a cluster need a Config.Prefix.
//
// # Which broker is asked
//
// Any broker can tell who leads a partition or a group. The client asks the one that answered last, and asks another one
// (askorder.go) when
//
//	a request fails, or the connection is not ready within DialTimeout ..... it is asked after all others for some seconds
//	a leader or coordinator that it named refuses, or does not answer ...... it is asked last
//	it tells a lower leader epoch than another broker before ............... its answer is dropped
//
// An isolated broker is behind without knowing it, so it must not be believed forever. A layout is asked for again in the
// background at half of MetadataTTL. Callers wait for the cluster only if they have no layout, or if it has failed.
//
// # Connections
//
// A connection carries one request at a time. There are at most MaxConns to a broker; further requests wait:
//
//	dial ──► in use ──► idle ──► in use, the one first that was used last
//	                     └─────► closed (reap.go): idle for MaxIdle, or the broker has closed it
//
// # Slow links
//
// The client learns what the link to each broker carries (transfer.go). ProduceLimit tells the caller how much to send at once,
// and a fetch asks for that much. Both begin at 64 KiB, double when they are fast, and shrink when they are slow. A response to
// a fetch may take as long as bytes arrive, because a single large batch cannot be divided. A produce request must end within
// ProduceTimeout, which the lease of the relay depends on. So a batch that is too large for a link that has become slow never
// arrives: Error.TimedOut tells that, and the relay continues with a new epoch and smaller batches.
//
// # TLS and sign-in
//
// Each new connection is prepared before its first request (access.go):
//
//	dial ─► TLS, with the host's name in the certificate ─► versions ─► sign-in ─► requests, until the sign-in is about to end
//
// A connection never signs in a second time: it is closed when it is idle, before the broker would close it. If the two sides
// do not agree, the error is an AccessError, and Advice says what a person has to change. A broker that wants TLS or a sign-in
// often just closes the connection, as a broker that stops does. So an end of the connection is explained only until the
// first answer of any broker.
//
// # Using it
//
// See the Example. A Client serves both directions, and its methods may be called concurrently. internal/messaging/outbox
// produces with it, and internal/messaging/consumer implements PartitionHandler.
//
// # Why not kafka-go's Writer and Reader
//
// These defects were reproduced with kafka-go 0.4.51. The Writer has no producer id, so retries leave copies. It continues
// past a failed batch, so a key's order inverts when the failed batch is sent later. After a rebalance the Reader commits
// stale offsets (from 21 back to 1, without an error), and it hangs if a committed offset is beyond the log's end. The
// ConsumerGroup lets metadata requests create topics, and forgets its member id on an error. The Transport cannot be told to
// refresh the leaders, and still reads a request's buffer after the context has ended. So this package uses only the protocol
// package, on its own connections and group membership. The package lacks topic ids and OffsetForLeaderEpoch, so Metadata,
// Fetch and OffsetForLeaderEpoch are encoded with kmsg, franz-go's protocol package.
//
// # Why not franz-go
//
// The reason is not speed. A throw-away program compared the clients: two cores, one local broker, acknowledgement by all
// replicas. It sent as the relay does with this package: one request in flight to each broker, with whatever has arrived for
// the partitions that the broker leads. But it still used kafka-go's encoder. The figures compare the clients with each
// other, and say nothing about Kafka:
//
//	thousand messages/s               this way     franz-go     kafka-go's Writer
//	large batches                     155–185      163–181      50–138
//	128 callers, one message each     58–85        44–72        27–35
//
// The encoder of this package then took 118 ns and no allocation a record. kafka-go's takes about 1,000 ns and 2
// allocations. On Apache Kafka, the relay drains 114,385 events/s with it (docs/benchmarks.md).
//
// The reason is control. franz-go's producer chooses producer id, epoch, sequences and batches itself, and has no option to
// set them. The relay must set them: the epoch is its lease's, and the bytes of an unresolved batch must stay the same until
// the relay knows whether they were written. franz-go can send requests that the caller has built. But then it would only
// replace kafka-go's protocol package, and everything else in this package would stay.
package broker
