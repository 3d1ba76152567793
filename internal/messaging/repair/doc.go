// Package repair has what operators do when a database and the logs in Kafka do not fit together. Each function can say first
// what it will change, and leaves a record of who did it, when and why. The service may run meanwhile: its relay and consumer
// notice the change.
//
//	halt or alarm                                          repair
//	a topic was created again, or the cluster is another ► Adopt: go on with what is there now
//	the topic has lost events ───────────────────────────► Republish: append the state of all aggregates again
//	the database has lost commits ───────────────────────► Reassert: append it with versions past those in the log
//	a position is not where it has to be ────────────────► Reset: read on from another place
//
// Adopt and Reset change everything in one transaction. Republish and Reassert go page by page; an interrupted run has done whole
// pages, and can be run again. A service describes what it owns with a Model.
//
// Reassert reads the logs into a temporary table. Then it does this with each key of a log, in transactions in which versions
// may jump:
//
//	the database has the key ───────► version max(database, log) + 1, and an event of the present state
//	it does not, and --lost recover ► the state of the log's last event, version log + 1, and an event
//	      the same name is taken ───► as with delete
//	it does not, and --lost delete ─► an event that it is deleted, version log + 1
//
// Keys that the log lacks are appended as they are. At the end the database accepts the logs as far as they were read. What came
// into a log later, and that the database does not know, halts the relay again.
//
// Commands and admin pages call these functions, and only ask and print.
package repair
