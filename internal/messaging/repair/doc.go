// Package repair has what operators do when a database and the logs in Kafka do not fit together. Each function says first
// what it will change, changes all of it in one transaction, and leaves a record of who did it, when and why. The service may
// run meanwhile: its relay and consumer notice the change.
//
//	halt or alarm                                          repair
//	a topic was created again, or the cluster is another ► Adopt: go on with what is there now
//	a position is not where it has to be ────────────────► Reset: read on from another place
//
// Commands and admin pages call these functions, and only ask and print.
package repair
