// Package journey knows the way of an event as far as this service's own database has it, for people who watch it.
//
//	the service that publishes the event    committed ─► sent (partition, offset)         outbox_event, outbox_sent
//	a service that consumes it              received ─► applied, known, ignored, dead     consumer_event, dead_letter
//
// The relay and the consumer write these tables in the transactions that they need anyway. No other code depends on them.
// All times are those of the database's clock. Watch lets many people see new steps, with one query for all of them.
package journey
