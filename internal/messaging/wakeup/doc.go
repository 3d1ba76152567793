// Package wakeup knows how requests wait for a change that another transaction, maybe of another process, will commit.
//
// A caller waits until something has reached a version: Wait(ctx, kind, id, version). Any number of callers share one
// goroutine, which looks for all of them with one query for each kind. It looks when a caller begins to wait, and when one
// of these tells that something may have changed:
//
//   - Kick: this process has committed a change. If the process knows the version that it has committed, Announce releases
//     the callers without a look.
//   - NOTIFY: another process has committed a change. The process listens on one connection of its own.
//   - The poll, once a second: everything works with the poll alone, only slower. A notification is lost when the
//     connection breaks, and a connection pooler between the process and PostgreSQL may not pass on notifications.
//
// While nobody waits, nothing is queried.
//
// # Armed notifications
//
// PostgreSQL serializes all transactions that notify, so not every transaction may do it. The table wake_channel has a row
// for each channel. A process that has waiters arms the row. The trigger of the next transaction that moves a consumer's
// position disarms it and notifies. So there are at most as many notifications as there are arms: 50 a second and process.
//
//	waiter comes, NOTIFY,     ┌────────┐  waiters left,     ┌───────┐
//	Kick or poll ───────────> │  look  │  not armed ──────> │  arm  │
//	                          └────────┘                    └───┬───┘
//	                              ^                             │
//	                              └──── after Config.ArmEvery ──┘
//
// The look after an arm is for transactions that were about to commit: their trigger saw the channel disarmed, or locked
// by another transaction, and the look before did not see their change.
//
// The trigger costs a transaction of a consumer some 5 µs for one partition, and 35 µs for all twelve.
//
// The channel is any name with a row in wake_channel, and wake() is the function of any deferred trigger. The relay of the outbox
// shares only the Listener. It arms each log of its own, with locks instead of rows: see internal/messaging/outbox.
package wakeup
