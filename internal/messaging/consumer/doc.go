// Package consumer knows how events become effects exactly once: it moves a partition's position by compare-and-set in
// the transaction of the effects, and decides what an error means: another try, or a dead letter. What an event does
// is its handler's business.
//
// # Writing a handler
//
// A handler gets a batch of one topic's events, those of each partition in offset order, and a transaction, which it may
// share with the handlers of other topics. It may be called again with the same events, alone or in another batch, after
// any error: it has effects only through the transaction.
//
//   - An older or repeated version of an aggregate changes nothing (compare versions in the copy, under its row's lock).
//   - Look at the change of the copy's state, not at the type: an event before may have been compacted away or be a dead
//     letter. Ignore types that you do not know, and members too; their position moves on all the same.
//   - Purge means that an operator has removed the key: blank the copy's data, keep its id and version, mark it deleted.
//   - Return Poison (or an error that Config.Classify calls poison) for an event that can never be applied. Return every
//     other error as it is.
//
// # What an error means
//
// Poison, a panic, undecodable JSON, and SQLSTATE classes 22 (data), 23 (constraint) and 54 (limit) are the event's
// fault. The batch is then applied again, one transaction an event, and the poisoned event becomes a dead letter in the
// transaction that moves the position past it; the others go on. Batches of several partitions that shared the transaction
// are applied apart first. Anything else (the database away, a deadlock, a
// deferred trigger's MS001, an error that nobody thought of) is not: the partition waits and the batch comes again.
package consumer
