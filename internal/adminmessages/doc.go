// Package adminmessages has the admin pages about messages: what waits in the outbox, what could not be applied, how far the
// consumer is, which instance publishes what, and what operators have changed. The pages call the same functions as the commands
// of a service. internal/adminui has the frame around them.
//
// A viewer reads all pages. An editor tries again what loses nothing. Only an admin stops something, or gives up an event:
//
//	editor   try refused events now; replay dead letters
//	admin    discard; pause and resume; skip
//
// Each action asks first and is a POST then. It lands in the audit under the name of the signed-in user.
package adminmessages
