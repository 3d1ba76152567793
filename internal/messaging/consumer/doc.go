// Package consumer applies events exactly once. It alone knows two things. It moves a partition's position by
// compare-and-set, in the transaction of the effects. And it decides what an error means: another try, or a dead letter.
// What an event does is the business of its handler.
//
// # A batch
//
//	Handle(batch) ─► one transaction: move the position, call the handlers, update dead letters
//	                   │
//	     ┌─────────────┼──────────────────────────┬─────────────────────────────┐
//	     │ commit      │ poison, or a time-out    │ the position has moved      │ any other error
//	     ▼             ▼                          ▼                             ▼
//	  applied    one transaction an event    broker.ErrReseek: read       held: rest, then the
//	               │ commit      │ poison    from the stored position    same batch again
//	               ▼             ▼
//	            applied     dead letter, in the transaction that moves the position past the event
//
// The positions are in the consumer's own database. Kafka's committed offsets only serve lag tools. So a consumer that
// was paused, and whose partition another instance has taken over, applies nothing when it goes on (H2 zombie consumer),
// and a restored database continues where its own data ends.
//
// # Which log a position belongs to
//
// An offset says nothing without its log. A topic that is created again begins at 0, and a log that was truncated has other
// records at the same offsets. So a position also has the topic's id and the leader epoch of the record before it. The
// broker's client compares both with the log before it reads, and halts the partition if they do not fit (H30 recreated
// topic, H31 truncated log). A halt ends when a command sets the position (Reset), or when the identity fits again. Dead
// letters have the topic id too, so the letters of an earlier topic stay.
//
// A position of an earlier release, or from brokers that know no topic ids, has the zero id. It is taken to belong to the
// topic that the first reading finds.
//
// # Who takes part in the group
//
// Each instance has a row in consumer_member, and sends the row's id when it joins the group. The group's leader gives
// partitions only to members that run on its own database. Otherwise an instance on a copy of the database would take a
// part of the partitions, and each database would have a part of the events (H32 cloned database).
//
// # How small batches share a transaction
//
// A small batch waits while another transaction is in progress, and shares the next one with the small batches of other
// partitions. If the shared transaction fails, each batch is applied in a transaction of its own.
//
// # A dead letter
//
//	         ┌─ Replay has applied the event ─────────────► replayed
//	open ────┼─ a newer version or a purge was applied ───► superseded (H11 stale dead letter)
//	         └─ Discard ──────────────────────────────────► discarded
//
// A dead letter keeps the record's bytes. A replay that fails again leaves it open, with the new reason.
//
// A service that owes an answer for each message can give it: Config.DeadLettered is called in the transaction that stores an
// open dead letter, and Config.Discarded in the transaction that discards it.
//
// # A copy that differs
//
//	         ┌─ a higher version or a purge was applied ──────────► gone
//	conflict ┤
//	         └─ an event of the version has the copy's data again ► gone
//
// An event may have the version of the copy, but other data: the owner's database lost commits and gave out the version again,
// or the event is not from the owner (H24 parted histories). The copy keeps its data, because it cannot know which data is
// right. The handler reports the event with Event.SameVersion. A row in copy_conflict, a line in the log, State and a metric
// then say so, until the last event of the copy's version has the copy's data.
//
// # A queue topic
//
// The events of an aggregate replace each other: the newest one is enough. The messages of a queue topic do not. Each one is
// for itself, as a request or its outcome is, and the topic is not compacted. Name it in Config.Queues. Then a later message
// of the same key does not close a dead letter, and Config.Versions is not asked. A record without a value has no effect: the
// handler does not get it.
//
// # Writing a handler
//
// A handler gets events of one topic and a transaction. The events of each partition are in offset order. The transaction
// may be shared with the handlers of other topics. After an error the handler may get the same events again, alone or in
// another batch. So it must have effects only through the transaction.
//
//   - An older or repeated version of an aggregate changes nothing. Compare the event's version with the copy's, under the
//     lock of the copy's row. For a message of a queue topic, compare its id with the ids that were handled.
//   - Keep a digest of the copy's data. Call Event.SameVersion for an event that has the version of the copy.
//   - Look at the change of the copy's state, not at the event's type: an earlier event may have been compacted away, or
//     may be a dead letter (H5 compacted discontinuation). Ignore types and members that you do not know, and call
//     Event.UnknownType for each event with such a type. The position moves past them.
//   - Purge means that an operator has removed the key. Blank the copy's data, keep its id and version, and mark it
//     deleted.
//   - Return Poison (or an error that Config.Classify calls poison) for an event that can never be applied. Return every
//     other error as it is.
//
// # What an error means
//
// These errors are the event's fault: Poison, a panic, undecodable JSON, the SQLSTATE classes 22 (data), 23 (constraint)
// and 54 (limit), and what Config.Classify calls poison. The batch is then applied again, one transaction an event. The
// poisoned event becomes a dead letter, and the other events are applied (H10 poison in a batch).
//
// An event that takes longer than Config.Timeout, or that needs a locked row for so long, becomes a dead letter too, with the code
// "timeout". That happens only while other events of its topic are applied: slow.go has the rule.
//
// A batch that its producer has made unreadable becomes one dead letter, with the code "unreadable" and its first bytes: see
// broker.UnreadableBatch. A batch with a wrong checksum halts the partition instead, because the log may be damaged.
//
// Every other error is not the event's fault: the database is away, a deadlock, an error that a trigger of the service
// raises, an unexpected error. The partition waits, and the same batch comes again. Other partitions go on.
//
// The functions for dead letters return an *Error, with a stable code, when they refuse a request.
package consumer
