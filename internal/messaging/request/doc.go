// Package request lets one service ask the owner of a model for a change, and learn the outcome, without a call between
// them. A request is a message in a topic of the asker. Its outcome is a message in a topic of the owner. The package knows no
// model: what a request asks for, and what its outcome says, are JSON that only the services read.
//
// # A request at the asker
//
//	                     ┌─ the owner cannot read it ──► pending, unreadable ─┐
//	Send ──► pending ────┤                                                    ├──► finished ──► deleted
//	                     └────────────────── Finish ──────────────────────────┘     │ after the time it is kept
//	                                                                                └ a later outcome changes nothing
//
// Send stores the request and appends its message in one transaction: the message is sent if and only if the request is
// stored. Only an outcome finishes a request. The asker does not decide that a request has failed, also not after it has
// expired: the owner may have carried it out, and its outcome may still be on its way. The first outcome wins.
//
// # A request at the owner
//
//	            request of a topic
//	                   │
//	                   ▼                                        decided: effects, outcome message and
//	┌── Handle: locks the key, skips repeated requests ──┐      the row in decided_request in one transaction
//	│  expired                                           ├──► decided
//	│  the copy of the key's aggregate is old enough     │         ▲
//	│                                                    │         │ Run: the copy has the version,
//	│  the copy is too old, or the key has parked ones   ├──► parked    or the request has expired
//	│                                                    │         │
//	│  poison, or an error that only this request causes ├──► dead letter, with the outcome "unreadable" ◄─┘
//	└────────────────────────────────────────────────────┘         │ replay: as if it had come now
//	                                                               │ discard: decided, as refused
//
// The lock of a key is its row in message_number under the topic of the outcomes. Whoever decides about a request of the
// key holds it, so the outcomes of a key have the order of its requests, and a request that is delivered twice at the same
// time is decided once.
//
// # Numbers
//
// Requests have no aggregate. Their version in the outbox is a number that counts the requests of a key (NextNumber). The
// row of the key is locked until the transaction ends, so the numbers have no gap, and the outbox has them in order. Outcomes
// are numbered in the same way.
//
// # Once
//
// A request may have an id under which a repetition finds it (Recall). A repetition that comes while the first one is being
// stored waits for it: then it finds the request, and can wait for the same outcome.
package request
