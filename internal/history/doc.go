// Package history owns the table with the history of a service's objects: who has made each version, when, and which fields
// it has changed. A [Recorder] writes the history in the transaction of the change, together with the event. So there is a
// row if and only if the change was committed. The event itself does not say who made the change, because it is public.
//
// Who made a change is the caller in the context. HTTP and the admin pages put it there. [ByEvents] and [ByRequest] do it for
// changes that follow from messages of other services, internal/bulkimport for imports, and internal/cli for commands.
package history
