// Package outbox alone knows how an event gets from the transaction of its change to Kafka: how it is appended, which
// instance may publish it, in which order, and when it counts as sent.
//
// # How to use it
//
// A service calls Append in the transaction of a change, and runs one Relay. After the commit it calls Relay.Wake. It
// calls Maintain at start and at intervals. ReadStatus and ListEvents are for operators. The example shows the first
// three steps. sql/messaging has the tables; docs/messaging.md describes them. Their names are constants of the schema.
//
//	BEGIN
//	  lock the aggregate's row        so sequence numbers have the order of versions
//	  change it, version + 1
//	  Append(ctx, tx, message)        a row in outbox_event, and one in outbox_pending
//	COMMIT
//	relay.Wake()                      optional: without it, a single instance finds the row later, by a sweep
//
// # What it guarantees
//
//   - At least once: an event is deleted from outbox_pending only after Kafka has acknowledged it (acks=all). After a crash
//     between the two, it is sent again.
//   - Order of an aggregate: version n+1 gets into Kafka only after version n. After a crash, the log may repeat versions, in
//     order, and then again ends with the highest one. So compaction keeps the highest version of each key.
//   - A refused event delays only its own aggregate.
//   - The relay publishes only to a log that fits its database. It halts a shard if the log has an event that the database
//     does not know, if the log lost acknowledged events, if the topic or the cluster is another one, or if another database
//     publishes. Halt has the reasons. So a restored backup, a recreated topic and a copy of the database do no silent harm.
//
// # The relay's rounds
//
// One goroutine, the coordinator, owns all state, so nothing needs a lock. Everything that waits runs in a goroutine of
// its own and sends its outcome back. So claims, requests and marks overlap.
//
//	Wake, a timer, or an outcome <----------------------------+
//	            |                                             |
//	            v                                             |
//	coordinator: calls the outcome, starts all due work       |
//	            |                                             |
//	            +--> produce       one request a broker    -->+
//	            +--> look up leaders                       -->+
//	            +--> mark          one at a time           -->+
//	            +--> claim         one at a time           -->+
//	            +--> lease pass    one at a time           -->+
//	            +--> check topics, get producer ids        -->+
//	            +--> compare logs  one shard of a topic    -->+
//	            +--> read the status, for the metrics      -->+
//
// A claim after a wake reads the rows above the highest sequence number that was known when the last sweep began. A
// sweep is a claim without a wake. It reads all pending rows from the first on, so it finds rows that were committed
// late (H12 late commit) and rows that no wake told of.
//
// # Commits of other instances
//
// Wake reaches only the relay of the same process, and any instance may publish the event. So a commit notifies the holder of
// the shard. PostgreSQL serializes the commits that notify, so a relay arms its logs, and commits notify only for armed ones.
// armState decides when. A relay that is alone does not listen and arms nothing.
//
//	        arm, then look           more than one notification in notifyEvery
//	armed <---------------- disarmed <------------------------------------------ armed
//	 |                       |    ^
//	 +--> NOTIFY: claim      +----+ look every few milliseconds
//
// A log is armed by an exclusive advisory lock of the session that claims. The trigger of outbox_pending tries to share the
// lock, without waiting. If it fails, the log is armed, and the commit notifies. If it succeeds, the relay cannot arm the log
// until the commit is visible. So after arming, one look finds every event whose commit did not notify. This holds for every
// isolation level, because locks have no snapshot. The locks end with the session, so an instance that dies leaves none.
//
// # A row's life in a lane
//
// A lane is the relay's in-memory queue of one shard.
//
//	pending
//	   |  claim
//	   v
//	claimed ------> skipped      its predecessor is pending, but not in the lane; a later sweep claims both
//	   |  admit
//	   v
//	waiting <----------------+   in the queue of its lane, after its predecessor
//	   |  freeze             |
//	   v                     |
//	in flight ---------------+   the broker refused the batch twice; the next batch has half the size
//	   |  ^    |
//	   |  |    +--> withdrawn    refused twice, alone in its batch; its aggregate is stored in outbox_blocked, and
//	   |  |                      claims return the aggregate's rows again after the wait
//	   |  +-- no answer, or refused once: the same bytes are sent again
//	   v
//	acknowledged
//	   |  mark                   deletes the row from outbox_pending, if the lease is still held
//	   v
//	marked -------> forgotten    when no claim is running that began before the mark
//
// A request carries as much as the link to the broker carries in time (broker.Client.ProduceLimit). The lanes that have waited
// longest come first. If the link becomes slow, a batch in flight can be too large for it, and its bytes must not change. After
// a few tries, its lane begins again with a new epoch: then the same rows may be sent in smaller batches.
//
// # A lane's phases
//
// A lane lives as long as one epoch of its lease.
//
//	   +---- a check is needed again --+
//	   v                               |
//	opening --------> ready -----------+--> draining --> parked --> order sent --> removed, when a lease pass shows
//	 | ^  |             |                                    ^                     the changed lease
//	 | |  |             v                                    |
//	 | |  |           fenced ---> lost, or back to opening   |
//	 | +--+ halted    (the lease is still valid: halted)     |
//	 +------------------- has a new producer id -------------+
//
//	opening      waits until its logs fit the database; if it has no producer id, gets one from Kafka. A halted lane stays
//	             here and is checked again every RecheckEvery
//	ready        claims, sends and marks
//	fenced       waits for the next lease pass: is the lease lost, or does another database publish?
//	draining     starts no new work and waits for the running work: a stop, the fair share, a new epoch, or a halt
//	parked       waits before its order, as after a halt
//	order sent   the lease keeper has its order: release the lease, raise the epoch, or store the producer id
//	lost         from any phase: another instance has taken the lease over, or its epoch has changed
//
// # A shard's lease
//
// A shard is one partition of one topic. Its lease is a row of outbox_lease. The epoch of the lease is the Kafka producer
// epoch, so the broker itself refuses an earlier holder that was paused (H1 zombie relay). Topics disturb each other in
// nothing: each shard has its own lease, queue, place in the outbox, check and halt.
//
//	free
//	 |  ^
//	 |  +-- release: A stops, has more than its fair share, or is cut off ------+
//	 |                                                                          |
//	 +-- take: epoch + 1 --> held by A -----------------------------------------+
//	                          |  ^  |
//	                          |  |  +--> held by B   A's beat did not change for B's LeaseTimeout; epoch + 1
//	                          |  |
//	                          +--+   renew: beat + 1
//	                                 raise: epoch + 1, and A begins again with a new lane
//
// An instance that is cut off from Kafka has no share. cutoff.go says when it is: Kafka does not answer it, although it answers
// another instance.
//
// A sends nothing that could arrive after its deadline: the deadline less ProduceTimeout is its last moment to send.
// The deadline counts from before A sent the renewal; B counts from after it read the beat (H13 slow renewal). Both use
// only their own monotonic clock.
//
// # When events do not move
//
// Each state in which events do not move has a StandstillCode and a reason. State, the metric outbox_standstill and ReadStatus
// show it. An instance stores its list in its row of outbox_instance with each beat, so ReadStatus shows those of all
// instances. An operator's pause is a row of outbox_pause; each lease pass reads it.
//
// # Comparing the log with the database
//
// outbox_log has, for each topic and shard, the topic's id and acked_end: every event below it is acknowledged and marked.
// The statement that marks events raises it. Before a lane sends anything, the relay reads each log from acked_end to its
// end and looks the records up in the database:
//
//	the event is pending                   it is marked sent; nothing is sent twice after a crash
//	the event is known and not pending     nothing to do; a relay of an earlier version has marked it
//	a null value                           an operator has purged the key
//	the event is not known                 the histories have parted: halt
//	the log ends below acked_end           the log lost events: halt
//	another cluster id or topic id         halt
//
// This check runs when a lane opens, when a connection to the database was opened again, when an id has changed, and when a
// batch lands elsewhere than at the expected end:
//
//	below the end    the broker took the batch for a repetition, because the epoch was used (H23 used epoch). Nothing is
//	                 marked; the lane begins again with a higher epoch, after a check
//	above the end    another producer has written in between; nothing is marked before the check has compared its records
package outbox
