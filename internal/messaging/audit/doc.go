// Package audit keeps what operators have changed: who, when, why and what. It alone knows the table operator_action.
//
// A record is written in the transaction of the change. So there is a record if and only if there is a change, and a dry run,
// which is rolled back, leaves none.
//
//	Operator.Check ──► BEGIN ─► change ─► Record ─► COMMIT ──► the record is listed
//	                                                              │
//	                   BEGIN ─► change ─► Update ─► COMMIT ◄──────┘ a command with many transactions says how far it is
//
// # How to use it
//
// A command asks who runs it and why, and lets Check refuse what cannot be recorded. It calls Record in the transaction of its
// change, with what it has changed. List returns the records, newest first. Nothing deletes them.
package audit
